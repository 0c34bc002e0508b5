//! `GET /decisions/{id}/attachments`: the files beside a request.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::all;
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-list",
    method: Verb::Get,
    path: "/decisions/{id}/attachments",
    auth: Auth::Key(Scope::DecisionsRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "List the files beside a request",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsRead>,
    Segment(id): Segment,
    OwnOrigin(origin): OwnOrigin,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let record = cx.store.record::<Decision>(caller.key.tenant, id).await?.ok_or(NOT_FOUND)?;
    Ok(axum::Json(all(&cx, &origin, &record)?))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::attachment::Attachment;
    use handrail_domain::ids::CommandId;
    use handrail_kernel::settings::Settings;
    use handrail_kernel::transition::transition;

    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::{AGENT, APP, Desk, key, tenant};

    /// A function behind the API can't be told the API's own address.
    #[tokio::test]
    async fn an_address_of_a_file_leads_to_where_the_request_came_in() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let file = Attachment {
            id: "0".repeat(32),
            name: "a.txt".to_owned(),
            content_type: "text/plain".to_owned(),
            size: 1,
            sha256: String::new(),
        };
        let command = super::super::command(&key(Role::App, APP), CommandId::new("a", &[]), vec![file]);
        transition(&desk.cx, tenant(), id, &command).await.unwrap();
        for (told, leads_to) in
            [(Some("https://told.example"), "https://told.example"), (None, "https://handrail.example")]
        {
            let settings = Settings { origin: told.map(str::to_owned), ..desk.cx.settings.clone() };
            let (clock, entropy) = (desk.cx.clock.clone(), desk.cx.entropy.clone());
            let cx = Cx::new(desk.cx.store.clone(), clock, entropy, settings);
            let request = http::Request::builder()
                .uri(format!("/decisions/{id}/attachments"))
                .header("host", "handrail.example")
                .header("authorization", format!("Bearer {AGENT}"));
            let response = ENDPOINT.router(cx).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let body: Value =
                serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
            let url = body["attachments"][0]["url"].as_str().unwrap_or_default();
            assert!(url.starts_with(&format!("{leads_to}/files/")), "{url}");
        }
    }
}
