//! `POST /decisions`: an agent asks.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Ask, Asker, Channel, Choice, Decision, Proposal, Urgency, policy_event};
use handrail_domain::ids::{CommandId, RecordId, RequestFormat};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, IdempotencyKey, Json, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::quota;
use handrail_kernel::settings::Need;
use handrail_kernel::transition;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::dialect::{DIALECT, invalid, refused};
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-create",
    method: Verb::Post,
    path: "/decisions",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadWorkspace, Touch::Create],
    summary: "Ask a person to approve, deny or modify an action",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// The format of [`Wire`] in the digest of a request.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.create", version: 1 };

/// Fields that are not named here are ignored; null is as good as absent.
#[derive(Deserialize, Serialize)]
struct Wire {
    action: Option<String>,
    approver: Option<String>,
    context: Option<String>,
    urgency: Option<Urgency>,
    timeout_minutes: Option<Number>,
    channel: Option<Channel>,
    options: Option<Vec<Choice>>,
    callback_url: Option<String>,
    enforce: Option<bool>,
    amount: Option<Number>,
    response_type: Option<Value>,
    context_images: Option<Vec<String>>,
    reminders: Option<bool>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(wire): Json<Wire>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = caller.key;
    let content = serde_json::to_value(&wire).map_err(|_| Problem::Broken)?;
    // Read only where it matters.
    let asks_in_slack = wire.channel == Some(Channel::Slack);
    if asks_in_slack && !key.tier.asks_in_slack() {
        return Err(Problem::refused(
            StatusCode::BAD_REQUEST,
            "UNSUPPORTED_CHANNEL",
            format!("channel slack is not part of the tier {}: use email or webhook", key.tier.name()),
        ));
    }
    if key.terms.asks_nobody {
        let message = format!(
            "In the tier {} a key asks the account's holder, and nobody holds this one: name approvers for the key",
            key.tier.name()
        );
        return Err(Problem::refused(StatusCode::FORBIDDEN, "APPROVER_NOT_ALLOWED", message));
    }
    let asker = Asker {
        key: key.id,
        name: &key.name,
        approvers: &key.approvers,
        backup: key.backup_approver.as_ref(),
        escalation_stays_pending: key.escalation_stays_pending,
        rules: &key.rules,
        slack: asks_in_slack && cx.store.workspace(key.tenant).await?.is_some(),
        reach: cx.settings.reach,
    };
    let now = cx.clock.now();
    let ask = Ask::check(proposal(wire), &asker, now).map_err(invalid)?;
    spend(&cx, &key, Budget::Creates).await?;
    let named = idempotency_key.is_some();
    let (id, name) = match idempotency_key {
        Some(name) => (RecordId::from_idempotency_key(key.tenant, key.id, Decision::KIND, &name), name),
        None => {
            let id = cx.new_record_id();
            (id, id.to_string())
        }
    };
    let command = CommandId::from_request(&name, FORMAT, &content);
    let by = Actor::Key { key: key.id, role: key.role };
    let mut record = Record::<Decision>::open(key.tenant, id, ask, by, command.clone(), now);
    // In the same write: nobody ever sees it undecided.
    if let (Some(event), Some(policy)) = (policy_event(&record.ask), record.ask.policy.clone()) {
        let by = Actor::Policy { rule: policy.rule };
        record = record.with(event, by, CommandId::new("policy", &[]), now);
    }
    let counted = quota::take::<Decision>(&cx, &key, id, named).await?;
    let made = match transition::create(&cx, record, &command).await {
        Ok(made) => made,
        Err(stop) => {
            if !stop.is_unknown() {
                quota::give_back(&cx, &counted, id).await;
            }
            return Err(stop.into_problem("Decision", refused));
        }
    };
    Ok((StatusCode::CREATED, axum::Json(view::created(&made.record.seen_at(now)))))
}

fn proposal(wire: Wire) -> Proposal {
    Proposal {
        action: wire.action,
        approver: wire.approver,
        context: wire.context,
        urgency: wire.urgency,
        timeout_minutes: wire.timeout_minutes,
        channel: wire.channel,
        options: wire.options,
        callback_url: wire.callback_url,
        enforce: wire.enforce,
        amount: wire.amount,
        response_type: wire.response_type,
        context_images: wire.context_images,
        reminders: wire.reminders,
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::{Account, Tier};
    use handrail_domain::decision::{DecisionEvent, Place, Standing};
    use handrail_domain::effect::{Effect, Purpose};
    use handrail_domain::record::digest_of;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk, MINUTE_MS, NOON, ask, effects, key};

    /// Its tier lets a key that names nobody ask the account's holder alone.
    #[tokio::test]
    async fn where_nobody_holds_the_account_nobody_is_asked() {
        let desk = Desk::new().await;
        let account = Account::new(crate::testing::tenant(), "Keys alone", Tier::Pro, NOON);
        assert!(desk.cx.store.put_account(&account).await.unwrap());
        let refused = desk.call(ENDPOINT, "/decisions", AGENT, ask()).await;
        assert_eq!(refused.refusal(), (403, "APPROVER_NOT_ALLOWED"));
        let path = format!("/auth/api-keys/{}", key(Role::Agent, AGENT).id);
        let named = json!({"approvers": ["ann@example.com"]});
        let changed = desk.call(crate::auth::keys_change::ENDPOINT, &path, crate::testing::ADMIN, named).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
        assert_eq!(desk.call(ENDPOINT, "/decisions", AGENT, ask()).await.status, StatusCode::CREATED);
    }

    #[tokio::test]
    async fn a_request_becomes_a_pending_decision_and_one_mail() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/decisions", AGENT, ask()).await;
        assert_eq!(made.status, StatusCode::CREATED);
        let record = desk.record(made.id()).await;
        // Nothing but what the server decided: a client lays this over its own request.
        let expected = json!({
            "id": record.id,
            "status": "pending",
            "expires_at": NOON.plus_ms(60 * MINUTE_MS),
            "created_at": NOON,
        });
        assert_eq!(made.json, expected);
        assert_eq!((record.seq, &record.standing), (1, &Standing { place: Place::Pending, attachments: Vec::new() }));
        assert_eq!(record.ask.action, "Refund order 1234");
        assert_eq!(record.ask.asked_by_name, "the agent");
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Key { key: key(Role::Agent, AGENT).id, role: Role::Agent });
        assert_eq!(entry.event, DecisionEvent::Created { ask_sha256: digest_of(&record.ask) });
        assert_eq!(effects(&record)[0], Effect::Mail(Purpose::AskApprover));
    }

    #[tokio::test]
    async fn a_decision_for_a_program_calls_it_instead_of_mailing() {
        let desk = Desk::new().await;
        let mut wanted = ask();
        wanted["channel"] = "webhook".into();
        let made = desk.call(ENDPOINT, "/decisions", AGENT, wanted).await;
        assert_eq!(effects(&desk.record(made.id()).await), [Effect::Callback(Purpose::AnnounceCreated)]);
    }

    #[tokio::test]
    async fn an_idempotency_key_makes_one_decision_and_refuses_another_one() {
        let desk = Desk::new().await;
        let first = desk.call_once(ENDPOINT, "/decisions", AGENT, "order-1234", ask()).await;
        desk.advance(1);
        let again = desk.call_once(ENDPOINT, "/decisions", AGENT, "order-1234", ask()).await;
        assert_eq!((again.status, &again.json), (StatusCode::CREATED, &first.json));
        let mut other = ask();
        other["action"] = "Refund order 1235".into();
        let other = desk.call_once(ENDPOINT, "/decisions", AGENT, "order-1234", other).await;
        assert_eq!(other.refusal(), (409, "IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(desk.record(first.id()).await.ask.action, "Refund order 1234");
    }

    #[tokio::test]
    async fn what_could_not_be_shown_to_the_approver_is_refused_by_name() {
        let desk = Desk::new().await;
        for (field, value) in [
            ("response_type", json!({"type": "choose", "choices": ["a"]})),
            ("context_images", json!(["https://example.com/a.png", "javascript:alert(1)"])),
            ("callback_url", json!("https://127.0.0.1/hook")),
            ("action", json!(" ")),
            ("urgency", json!("soon")),
        ] {
            let mut wanted = ask();
            wanted[field] = value;
            let answer = desk.call(ENDPOINT, "/decisions", AGENT, wanted).await;
            assert_eq!(answer.refusal(), (400, "VALIDATION_ERROR"), "{field}");
            assert_eq!(answer.json["field"], field, "{}", answer.text);
        }
    }

    /// Stored in every log: a change of this text is a new version of the format.
    #[test]
    fn digest_of_a_request_stays() {
        let wire: Wire = serde_json::from_value(
            json!({"action": "Refund order 4711", "approver": "ada@example.com", "amount": 129.5}),
        )
        .unwrap();
        let command = CommandId::from_request("first", FORMAT, &serde_json::to_value(wire).unwrap());
        assert_eq!(json!(command), json!("a7937b64b8caa58f03721bb6.v1-486f4883-891d9b82cd72738a771c76fb"));
    }
}
