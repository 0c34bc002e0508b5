//! `POST /decisions/{id}/cancel`: the asker takes the question back. It reads as expired from then on, with
//! `cancelled_at`: the published API has no status of its own for it.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Decision, NOTES_CHARS_MAX, Refusal};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::text::has_hidden_controls;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, JsonIfAny, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::transition::{Stop, transition_from};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::{DIALECT, refused};
use crate::file_links::FileLinks;
use crate::get::NOT_FOUND;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-cancel",
    method: Verb::Post,
    path: "/decisions/{id}/cancel",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Take a question back",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

#[derive(Default, Deserialize, Serialize)]
struct Wire {
    reason: Option<String>,
}

/// Cancelling twice is no mistake: it is cancelled.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    Segment(id): Segment,
    OwnOrigin(origin): OwnOrigin,
    JsonIfAny(wire): JsonIfAny<Wire>,
) -> Result<axum::Json<Value>, Problem> {
    let key = caller.key;
    let reason = checked_reason(wire.reason)?;
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &key, Budget::Calls).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(NOT_FOUND)?;
    let command = Command::<Decision> {
        id: CommandId::new(&cx.new_record_id().to_string(), &[]),
        actor: Actor::Key { key: key.id, role: key.role },
        act: Act::Cancel { reason },
    };
    let record = match transition_from(&cx, record, &command).await {
        Ok(applied) => applied.record,
        Err(Stop::Refused(Refusal::Cancelled { .. })) => {
            cx.store.record::<Decision>(key.tenant, id).await?.ok_or(NOT_FOUND)?
        }
        Err(stop) => return Err(stop.into_problem("Decision", refused)),
    };
    let now = cx.clock.now();
    let links = FileLinks::new(cx.master()?, &origin, now);
    Ok(axum::Json(view::whole(&record.seen_at(now), now, &links)))
}

fn checked_reason(reason: Option<String>) -> Result<Option<String>, Problem> {
    let Some(reason) = reason.filter(|reason| !reason.trim().is_empty()) else { return Ok(None) };
    if reason.chars().count() > NOTES_CHARS_MAX {
        return Err(Problem::invalid("reason", format!("must be at most {NOTES_CHARS_MAX} characters")));
    }
    if has_hidden_controls(&reason) {
        return Err(Problem::invalid("reason", "must not hold control characters other than tabs and line breaks"));
    }
    Ok(Some(reason))
}

#[cfg(test)]
mod tests {
    use handrail_domain::decision::State as DecisionState;
    use handrail_domain::effect::{Effect, Purpose};
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, APP, Desk, NOON, effects};

    #[tokio::test]
    async fn the_asker_takes_it_back_once_however_often_it_says_so() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let path = format!("/decisions/{id}/cancel");
        for body in [json!({"reason": "The customer changed their mind"}), Value::Null] {
            let cancelled = desk.call(ENDPOINT, &path, AGENT, body).await;
            assert_eq!(cancelled.status, 200, "{}", cancelled.text);
            assert_eq!(cancelled.json["status"], "expired");
            assert_eq!(cancelled.json["cancelled_at"], json!(NOON));
            assert_eq!(cancelled.json["cancel_reason"], "The customer changed their mind");
        }
        let record = desk.record(id).await;
        assert_eq!((record.seq, record.state()), (2, DecisionState::Expired));
        assert_eq!(effects(&record), [Effect::Callback(Purpose::AnnounceCancelled)]);
        let approve = json!({"action": "approve"});
        let late = desk.call(crate::resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, approve).await;
        assert_eq!(late.refusal(), (410, "EXPIRED"), "{}", late.text);
        assert_eq!(late.json["cancelled_at"], json!(NOON));
    }

    #[tokio::test]
    async fn what_is_answered_stays_answered() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let body = json!({"action": "approve"});
        desk.call(crate::resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, body).await;
        let late = desk.call(ENDPOINT, &format!("/decisions/{id}/cancel"), AGENT, Value::Null).await;
        assert_eq!(late.refusal(), (409, "ALREADY_RESOLVED"));
        let bad = desk.call(ENDPOINT, &format!("/decisions/{id}/cancel"), AGENT, json!({"reason": "\u{7}"})).await;
        assert_eq!((bad.refusal(), &bad.json["field"]), ((400, "VALIDATION_ERROR"), &json!("reason")));
    }
}
