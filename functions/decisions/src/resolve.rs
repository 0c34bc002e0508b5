//! `POST /decisions/{id}/resolve`: an answer by API, from a program of the team's own. The first one counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Choice, Decision, check_given};
use handrail_domain::ids::{CommandId, RequestFormat};
use handrail_domain::lifecycle::Command;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, IdempotencyKey, Json, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::transition::transition;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dialect::{DIALECT, invalid, refused};
use crate::file_links::FileLinks;
use crate::get::NOT_FOUND;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-resolve",
    method: Verb::Post,
    path: "/decisions/{id}/resolve",
    auth: Auth::Key(Scope::DecisionsResolve),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move],
    summary: "Answer a decision by API",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// The format of [`Wire`] in the digest of a request.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.resolve", version: 1 };

#[derive(Deserialize, Serialize)]
struct Wire {
    action: Option<Choice>,
    notes: Option<String>,
    response_data: Option<Value>,
    resolved_by: Option<String>,
    /// For `response_type` schedule.
    execute_at: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsResolve>,
    Segment(id): Segment,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OwnOrigin(origin): OwnOrigin,
    Json(wire): Json<Wire>,
) -> Result<axum::Json<Value>, Problem> {
    let key = caller.key;
    let content = serde_json::to_value(&wire).map_err(|_| Problem::Broken)?;
    let choice = wire.action.ok_or_else(|| Problem::invalid("action", "is required: approve, deny or modify"))?;
    let given = check_given(wire.resolved_by, wire.notes, wire.response_data, wire.execute_at).map_err(invalid)?;
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &key, Budget::Calls).await?;
    let name = match idempotency_key {
        Some(name) => format!("{} {name}", key.id),
        None => cx.new_record_id().to_string(),
    };
    let command = Command::<Decision> {
        id: CommandId::from_request(&name, FORMAT, &content),
        actor: Actor::Key { key: key.id, role: key.role },
        act: Act::Answer(choice, given),
    };
    let applied = transition(&cx, key.tenant, id, &command).await;
    let applied = applied.map_err(|stop| stop.into_problem("Decision", refused))?;
    let now = cx.clock.now();
    let links = FileLinks::new(cx.master()?, &origin, now);
    Ok(axum::Json(view::whole(&applied.record, now, &links)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::decision::{Answer, DecisionEvent, State as DecisionState};
    use handrail_domain::effect::{Effect, Purpose};
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, APP, Desk, MINUTE_MS, NOON, effects, key};

    #[tokio::test]
    async fn an_answer_by_api_settles_the_decision_and_calls_the_agent_back() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        desk.advance(1);
        let body = json!({"action": "modify", "notes": "half of it", "response_data": {"amount": 40}});
        let answered = desk.call(ENDPOINT, &format!("/decisions/{id}/resolve"), APP, body).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        assert_eq!(answered.json["status"], "modified");
        assert_eq!(answered.json["resolved_at"], json!(NOON.plus_ms(MINUTE_MS)));
        assert_eq!(answered.json["resolved_by"], "ann@example.com");
        // In whose name is the program's word; which program said it is ours.
        assert_eq!(answered.json["resolved_via"], "api");
        assert_eq!(answered.json["resolved_with_key"], json!(key(Role::App, APP).id));
        assert_eq!(answered.json["response_data"], json!({"amount": 40}));
        let record = desk.record(id).await;
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Key { key: key(Role::App, APP).id, role: Role::App });
        let answer = Answer {
            resolved_by: "ann@example.com".to_owned(),
            notes: Some("half of it".to_owned()),
            response_data: Some(json!({"amount": 40})),
            ..Answer::default()
        };
        assert_eq!(entry.event, DecisionEvent::Modified(answer));
        assert_eq!(effects(&record), [Effect::Callback(Purpose::AnnounceResolved)]);
    }

    #[tokio::test]
    async fn the_second_answer_learns_of_the_first_and_changes_nothing() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let path = format!("/decisions/{id}/resolve");
        desk.call(ENDPOINT, &path, APP, json!({"action": "deny", "resolved_by": "Bob"})).await;
        let before = desk.record(id).await;
        let late = desk.call(ENDPOINT, &path, ADMIN, json!({"action": "approve"})).await;
        assert_eq!(late.refusal(), (409, "ALREADY_RESOLVED"));
        assert_eq!((&late.json["status"], &late.json["resolved_by"]), (&json!("denied"), &json!("Bob")));
        assert_eq!(desk.record(id).await, before);
    }

    #[tokio::test]
    async fn the_same_answer_sent_again_is_answered_and_counted_once() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let path = format!("/decisions/{id}/resolve");
        let first = desk.call_once(ENDPOINT, &path, APP, "mine", json!({"action": "approve"})).await;
        let again = desk.call_once(ENDPOINT, &path, APP, "mine", json!({"action": "approve"})).await;
        assert_eq!((again.status, &again.json), (first.status, &first.json));
        let other = desk.call_once(ENDPOINT, &path, APP, "mine", json!({"action": "deny"})).await;
        assert_eq!(other.refusal(), (409, "IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(desk.record(id).await.seq, 2);
    }

    #[tokio::test]
    async fn at_the_deadline_it_is_too_late_even_if_no_timer_came() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        desk.advance(60);
        let late = desk.call(ENDPOINT, &format!("/decisions/{id}/resolve"), APP, json!({"action": "approve"})).await;
        assert_eq!(late.refusal(), (410, "EXPIRED"));
        let record = desk.record(id).await;
        assert_eq!((record.state(), &record.newest().unwrap().by), (DecisionState::Expired, &Actor::Timer));
        assert_eq!(effects(&record), [Effect::Callback(Purpose::AnnounceExpired)]);
    }

    #[tokio::test]
    async fn an_answer_that_was_not_offered_is_refused() {
        let desk = Desk::new().await;
        let mut wanted = crate::testing::ask();
        wanted["options"] = json!(["approve"]);
        let made = desk.call(crate::create::ENDPOINT, "/decisions", APP, wanted).await;
        let path = format!("/decisions/{}/resolve", made.id());
        for body in
            [json!({"action": "deny"}), json!({}), json!({"action": "burn"}), json!({"action": "approve", "notes": 5})]
        {
            assert_eq!(
                desk.call(ENDPOINT, &path, APP, body.clone()).await.refusal(),
                (400, "VALIDATION_ERROR"),
                "{body}"
            );
        }
        assert_eq!(desk.record(made.id()).await.seq, 1);
    }

    /// Stored in every log: a change of this text is a new version of the format.
    #[test]
    fn digest_of_a_request_stays() {
        let wire: Wire = serde_json::from_value(json!({"action": "approve", "notes": "Looks right."})).unwrap();
        let command = CommandId::from_request("first", FORMAT, &serde_json::to_value(wire).unwrap());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-2f77ee50-962a74290f7ef9890e838b32"));
    }
}
