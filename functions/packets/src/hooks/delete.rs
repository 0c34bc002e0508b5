//! `DELETE /api/v1/hooks/{id}`: an address is called no more. What waits to be sent there is given up without a call.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Closed;
use http::StatusCode;

use super::{HookPath, hook_not_found};
use crate::caller::Caller;
use crate::dialect::{DIALECT, refuse};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-delete",
    method: Verb::Delete,
    path: "/api/v1/hooks/{id}",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::CloseHook],
    summary: "Call an address no more",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::HooksWrite>,
    HookPath(id): HookPath,
) -> Result<StatusCode, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    match cx.store.close_hook(caller.key.tenant, Packet::KIND, id, cx.clock.now()).await? {
        // An empty body: clients send a DELETE again after anything else.
        Closed::Now => Ok(StatusCode::NO_CONTENT),
        Closed::Before => Err(refuse(StatusCode::CONFLICT, format!("Webhook {id} is already inactive"))),
        Closed::Unknown => Err(hook_not_found(id)),
    }
}

#[cfg(test)]
mod tests {
    use handrail_kernel::hook::secret_of;
    use serde_json::Value;

    use super::*;
    use crate::hooks::testing::{hooks_of, made};
    use crate::testing::{AGENT, Desk, WRITER};

    #[tokio::test]
    async fn it_is_taken_away_once_and_its_secret_with_it() {
        let desk = Desk::new().await;
        let id = made(&desk).await;
        let path = format!("/api/v1/hooks/{id}");
        assert_eq!(desk.call(ENDPOINT, &path, AGENT, Value::Null).await.status.as_u16(), 403);
        let in_capitals = format!("/api/v1/hooks/{}", id.to_string().to_uppercase());
        let gone = desk.call(ENDPOINT, &in_capitals, WRITER, Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        let again = desk.call(ENDPOINT, &path, WRITER, Value::Null).await;
        assert_eq!(again.refusal(), (409, format!("Webhook {id} is already inactive").as_str()));
        let kept = &hooks_of(&desk).await[0];
        assert!(!kept.is_active() && secret_of(&desk.cx, kept).unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        let desk = Desk::new().await;
        made(&desk).await;
        let unknown = "018f0000-0000-7000-8000-000000000000";
        let none = desk.call(ENDPOINT, &format!("/api/v1/hooks/{unknown}"), WRITER, Value::Null).await;
        assert_eq!(none.refusal(), (404, format!("Webhook {unknown} not found").as_str()));
        let no_id = desk.call(ENDPOINT, "/api/v1/hooks/mine", WRITER, Value::Null).await;
        assert_eq!((no_id.status.as_u16(), no_id.json["field"].as_str()), (400, Some("webhook_id")));
    }
}
