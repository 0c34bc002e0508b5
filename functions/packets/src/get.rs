//! `GET /api/v1/packets/{id}`: how it stands. What is overdue is seen as expired without being written.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use crate::body::PacketId;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::shelf;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-get",
    method: Verb::Get,
    path: "/api/v1/packets/{id}",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read],
    summary: "See how a packet stands",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    PacketId(id): PacketId,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Reads(id)).await?;
    let found = shelf::read(&cx, caller.key.tenant, id).await?;
    Ok(axum::Json(view::whole(&found.record.seen_at(cx.clock.now()), &found.content)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Desk, READER, checkpoint};

    #[tokio::test]
    async fn an_id_is_read_in_any_of_its_forms() {
        let desk = Desk::new().await;
        let id = desk.made().await.to_string();
        for form in [id.clone(), id.to_uppercase(), id.replace('-', "")] {
            let seen = desk.call(ENDPOINT, &format!("/api/v1/packets/{form}"), READER, Value::Null).await;
            assert_eq!((seen.status.as_u16(), &seen.json["id"]), (200, &json!(id)));
        }
        let refused = desk.call(ENDPOINT, "/api/v1/packets/no-id", READER, Value::Null).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packet_id")));
        assert_eq!(refused.json["errors"][0]["loc"], json!(["path", "packet_id"]));
    }

    #[tokio::test]
    async fn what_nobody_answered_in_time_is_seen_as_expired_and_nothing_is_written() {
        let desk = Desk::new().await;
        let id = desk.made_of(checkpoint()).await;
        let before = desk.record(id).await;
        desk.advance(60);
        let seen = desk.call(ENDPOINT, &format!("/api/v1/packets/{id}"), READER, Value::Null).await;
        assert_eq!(seen.json["status"], "expired");
        assert_eq!(desk.record(id).await, before);
    }
}
