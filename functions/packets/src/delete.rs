//! `DELETE /api/v1/packets/{id}`: takes a packet away. It stays to be read, as expired.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_domain::packet::Act;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;

use crate::body::PacketId;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::shelf::{self, Name};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-delete",
    method: Verb::Delete,
    path: "/api/v1/packets/{id}",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Take a packet away",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsWrite>,
    PacketId(id): PacketId,
) -> Result<StatusCode, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    shelf::act(&cx, &caller.key, id, Act::Delete, &Name::fresh(&cx)).await?;
    // An empty body: clients send a DELETE again after anything else.
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{AGENT, Desk};

    #[tokio::test]
    async fn once_it_is_gone_it_is_expired() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        let path = format!("/api/v1/packets/{id}");
        let gone = desk.call(ENDPOINT, &path, AGENT, Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        let again = desk.call(ENDPOINT, &path, AGENT, Value::Null).await;
        assert_eq!(again.refusal(), (409, format!("Packet {id} is already expired").as_str()));
    }
}
