//! `DELETE /api/v1/packets/{id}`: deletes a packet. It can still be read, with the status `expired`.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::Act;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::json_response::NoContent;
use handrail_web::problem::Problem;

use crate::body::PacketId;
use crate::door::DOOR;
use crate::packet_ops::{self, CommandName};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-delete",
    method: HttpMethod::Delete,
    path: "/api/v1/packets/{id}",
    auth: Auth::ApiKey(Scope::PacketsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::Transition],
    summary: "Delete a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsWrite>,
    PacketId(id): PacketId,
) -> Result<NoContent, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    packet_ops::run(&cx, &caller.key, id, Act::Delete, &CommandName::random(&cx)).await?;
    // No body: published clients repeat a DELETE unless the response is an empty 204.
    Ok(NoContent)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{TestApp, WRITER};

    #[tokio::test]
    async fn deleted_packet_cannot_be_deleted_again() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        let path = format!("/api/v1/packets/{id}");
        let deleted = app.call(ENDPOINT, &path, WRITER, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
        let repeat = app.call(ENDPOINT, &path, WRITER, Value::Null).await;
        assert_eq!(repeat.error(), (409, format!("Packet {id} is already expired").as_str()));
    }
}
