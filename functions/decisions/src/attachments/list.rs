//! `GET /decisions/{id}/attachments`: lists the attachments of a decision.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, PublicOrigin};
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;

use super::{AttachmentList, attachment_list};
use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-list",
    method: HttpMethod::Get,
    path: "/decisions/{id}/attachments",
    auth: Auth::ApiKey(Scope::DecisionsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Files), RequiredSetting::Origin],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read],
    summary: "List the attachments of a decision",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsRead>,
    PathParam(id): PathParam,
    PublicOrigin(origin): PublicOrigin,
) -> Result<axum::Json<AttachmentList>, Problem> {
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    let read = async { cx.store.record::<Decision>(caller.key.tenant, id).await?.ok_or(DECISION_NOT_FOUND) };
    let record = limited_read(&cx, &caller.key, id, read).await?;
    Ok(axum::Json(attachment_list(&cx, &origin, &record)?))
}

#[cfg(test)]
mod tests {
    use handrail_context::settings::Settings;
    use handrail_domain::access::Role;
    use handrail_domain::attachment::Attachment;
    use handrail_domain::ids::CommandId;
    use handrail_records::transition::transition;
    use serde_json::Value;

    use axum::body::Body;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::{AGENT, APP, TestApp, api_key, tenant};

    /// A function behind API Gateway has no configured origin and uses the request's host.
    #[tokio::test]
    async fn file_url_uses_configured_or_request_origin() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let file = Attachment {
            id: "0".repeat(32),
            name: "a.txt".to_owned(),
            content_type: "text/plain".to_owned(),
            size: 1,
            sha256: String::new(),
        };
        let command = super::super::attach_command(&api_key(Role::App, APP), CommandId::new("a", &[]), vec![file]);
        transition(&app.cx, tenant(), id, &command).await.unwrap();
        for (configured, expected) in
            [(Some("https://configured.example"), "https://configured.example"), (None, "https://handrail.example")]
        {
            let settings = Settings { origin: configured.map(str::to_owned), ..app.cx.settings.clone() };
            let (clock, entropy) = (app.cx.clock.clone(), app.cx.entropy.clone());
            let cx = Cx::new(app.cx.store.clone(), clock, entropy, settings);
            let request = http::Request::builder()
                .uri(format!("/decisions/{id}/attachments"))
                .header("host", "handrail.example")
                .header("authorization", format!("Bearer {AGENT}"));
            let response = ENDPOINT.router(cx).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let body: Value =
                serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
            let url = body["attachments"][0]["url"].as_str().unwrap_or_default();
            assert!(url.starts_with(&format!("{expected}/files/")), "{url}");
        }
    }
}
