//! `POST /api/v1/packets/{id}/chain`: a packet that goes on from another, with its conversation in front.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::{CREATE_FORMAT, Content, Proposal};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::Value;

use crate::body::{Body, PacketId};
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::given_name::{GivenName, made_before};
use crate::schemas::fit::{Holding, Remembered};
use crate::shelf;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-chain",
    method: Verb::Post,
    path: "/api/v1/packets/{id}/chain",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::ReadSchema, Touch::Create, Touch::Move],
    summary: "Hand over what goes on from a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(Remembered::default()))
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<Remembered>,
    caller: Caller<right::PacketsWrite>,
    PacketId(parent): PacketId,
    IdempotencyKey(name): IdempotencyKey,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = &caller.key;
    let proposal = body.read(key, Proposal::read_next)?;
    spend(&cx, key, Budget::Creates).await?;
    // The parent's conversation goes on, and a repeat means the child that was made when it was shorter.
    let wanted = proposal.clone().chained_to(parent, &Content::default());
    let named = name.as_deref().map(|name| GivenName::new(name, CREATE_FORMAT, wanted.to_json()));
    if let Some(made) = made_before(&cx, key, named.as_ref()).await? {
        return Ok((StatusCode::CREATED, axum::Json(made.view(&cx))));
    }
    let found = shelf::read(&cx, key.tenant, parent).await?;
    let proposal = proposal.chained_to(parent, &found.content);
    Holding::new(schemas).hold(&cx, key.tenant, &proposal).await?;
    let child = shelf::create(&cx, key, proposal, named.as_ref()).await?;
    // The child is made whatever happens here; where this fails, the stream's worker does it.
    if let Err(stop) = shelf::tell_parent(&cx, &child.record).await {
        tracing::warn!(?stop, "a parent will be told later");
    }
    Ok((StatusCode::CREATED, axum::Json(child.view(&cx))))
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk, packet};

    #[tokio::test]
    async fn the_conversation_goes_on_and_both_sides_know() {
        let desk = Desk::new().await;
        let mut first = packet();
        first["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
        first["context"]["custom"] = json!({"not": "inherited"});
        let parent = desk.made_of(first).await;
        let mut next = packet();
        next["context"]["conversation_state"] = json!([{"role": "agent", "content": "two"}]);
        next["metadata"]["source_agent"]["id"] = "b-1".into();
        // The path says whose child it is, whatever stands there.
        next["parent_packet_id"] = json!(["no", "id"]);
        let path = format!("/api/v1/packets/{parent}/chain");
        let child = desk.call(ENDPOINT, &path, AGENT, next.clone()).await;
        assert_eq!((child.status.as_u16(), &child.json["parent_packet_id"]), (201, &json!(parent)));
        let said = child.json["context"]["conversation_state"].as_array().unwrap();
        assert_eq!(said.iter().map(|turn| turn["content"].as_str().unwrap()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(child.json["context"]["custom"], json!({}));
        let last = crate::told::Told::of(parent, desk.record(parent).await.newest().unwrap()).unwrap().in_history();
        assert_eq!((&last["event_type"], &last["actor"]), (&json!("chained"), &json!("agent:b-1")));
        assert_eq!(last["details"], json!({"child_packet_id": child.id()}));
        let first =
            crate::told::Told::of(child.id(), desk.record(child.id()).await.newest().unwrap()).unwrap().in_history();
        assert_eq!(first["details"], json!({"parent_packet_id": parent, "chain": true}));
        // The stream's worker says it again, and nothing is told twice.
        let child = desk.record(child.id()).await;
        shelf::tell_parent(&desk.cx, &child).await.unwrap();
        assert_eq!(desk.record(parent).await.seq, 2);
    }

    #[tokio::test]
    async fn a_repeat_is_the_same_whatever_became_of_the_parent() {
        let desk = Desk::new().await;
        let (parent, other) = (desk.made().await, desk.made().await);
        let ask = async |parent: RecordId, body: Value| {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "next");
            desk.send(ENDPOINT, &format!("/api/v1/packets/{parent}/chain"), request, body.to_string()).await
        };
        let first = ask(parent, packet()).await;
        let said = json!({"context": {"summary": "s", "conversation_state": [{"role": "user", "content": "later"}]}});
        let patched = desk.call(crate::patch::ENDPOINT, &format!("/api/v1/packets/{parent}"), AGENT, said).await;
        assert_eq!(patched.status.as_u16(), 200, "{}", patched.json);
        let again = ask(parent, packet()).await;
        assert_eq!((again.status.as_u16(), &again.json), (201, &first.json));
        let mut otherwise = packet();
        otherwise["context"]["summary"] = "Another".into();
        assert_eq!(ask(parent, otherwise).await.status.as_u16(), 409);
        assert_eq!(ask(other, packet()).await.status.as_u16(), 409);
    }

    /// The parent's own log is short: what follows from the child may come when it has forgotten that it was told.
    #[tokio::test]
    async fn a_parent_is_told_once_however_much_happened_to_it_since() {
        let desk = Desk::new().await;
        let parent = desk.made().await;
        let path = format!("/api/v1/packets/{parent}");
        let child = desk.call(ENDPOINT, &format!("{path}/chain"), AGENT, packet()).await;
        assert_eq!(child.status.as_u16(), 201, "{}", child.json);
        for _ in 0..handrail_domain::record::LOG_ENTRIES_MAX {
            desk.call(crate::patch::ENDPOINT, &path, AGENT, json!({})).await;
        }
        for _ in 0..2 {
            desk.dispatched().await;
            let history = desk.call(crate::history::ENDPOINT, &format!("{path}/history"), AGENT, Value::Null).await;
            let events = history.json["events"].as_array().unwrap();
            let told = events.iter().filter(|event| event["event_type"] == "chained").count();
            assert_eq!((events.len(), told), (2, 1), "{}", history.json);
        }
    }

    #[tokio::test]
    async fn nothing_goes_on_from_nothing() {
        let desk = Desk::new().await;
        let path = "/api/v1/packets/018f0000-0000-7000-8000-000000000000/chain";
        assert_eq!(desk.call(ENDPOINT, path, AGENT, packet()).await.status.as_u16(), 404);
    }
}
