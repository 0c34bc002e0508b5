//! `POST /api/v1/packets/{id}/chain`: creates a packet that continues another, with the parent's conversation first.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{CREATE_FORMAT, Content, NewPacket};
use handrail_packet_records::{IdempotentRequest, find_created};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;

use crate::body::{Body, PacketId};
use crate::door::DOOR;
use crate::packet_error::creation_problem;
use crate::packet_ops;
use crate::requests;
use crate::schemas::validation::{ContextValidator, SchemaCache};
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-chain",
    method: HttpMethod::Post,
    path: "/api/v1/packets/{id}/chain",
    auth: Auth::ApiKey(Scope::PacketsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::ReadSchema,
        DataAccess::Create,
        DataAccess::Transition,
    ],
    summary: "Create a packet that continues another",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(SchemaCache::default()))
}

pub fn description() -> Description {
    Description::of(handler).problems(&[403, 409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<SchemaCache>,
    caller: Caller<scopes::PacketsWrite>,
    PacketId(parent): PacketId,
    IdempotencyKey(name): IdempotencyKey,
    body: Body<requests::NextPacket>,
) -> Result<Created<PacketView>, Problem> {
    let key = &caller.key;
    let proposal = body.read(key, NewPacket::read_chained)?;
    check_key_limit(&cx, key, RateLimitClass::Creates).await?;
    // The request is digested without the parent's conversation, which may have grown when the request is repeated.
    let digested = proposal.clone().chained_to(parent, &Content::default());
    let request = name.as_deref().map(|name| IdempotentRequest::new(name, CREATE_FORMAT, digested.to_json()));
    let created = find_created(&cx, key, request.as_ref()).await.map_err(creation_problem)?;
    if let Some(created) = created {
        return Ok(Created(PacketView::as_of_now(&cx, &created)));
    }
    let parent_packet = packet_ops::get(&cx, key.tenant, parent).await?;
    let proposal = proposal.chained_to(parent, &parent_packet.content);
    ContextValidator::new(schemas).validate(&cx, key.tenant, &proposal).await?;
    let child =
        handrail_packet_records::create(&cx, key, proposal, request.as_ref()).await.map_err(creation_problem)?;
    // The child exists already. If this write fails, the stream worker repeats it.
    if let Err(error) = packet_ops::link_to_parent(&cx, &child.record).await {
        tracing::warn!(?error, "the parent's history was not updated; the stream worker will retry");
    }
    Ok(Created(PacketView::as_of_now(&cx, &child)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;
    use handrail_domain::packet::PacketEvent;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{TestApp, WRITER, packet_body};

    #[tokio::test]
    async fn chained_packet_inherits_conversation_and_updates_both_histories() {
        let app = TestApp::new().await;
        let mut first = packet_body();
        first["context"]["conversation_state"] = json!([{"role": "user", "content": "one"}]);
        first["context"]["custom"] = json!({"not": "inherited"});
        let parent = app.create_packet_with(first).await;
        let mut next = packet_body();
        next["context"]["conversation_state"] = json!([{"role": "agent", "content": "two"}]);
        next["metadata"]["source_agent"]["id"] = "b-1".into();
        // The path names the parent; this field is ignored.
        next["parent_packet_id"] = json!(["no", "id"]);
        let path = format!("/api/v1/packets/{parent}/chain");
        let child = app.call(ENDPOINT, &path, WRITER, next.clone()).await;
        assert_eq!((child.status.as_u16(), &child.json["parent_packet_id"]), (201, &json!(parent)));
        let turns = child.json["context"]["conversation_state"].as_array().unwrap();
        assert_eq!(turns.iter().map(|turn| turn["content"].as_str().unwrap()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(child.json["context"]["custom"], json!({}));
        let last = json!(
            crate::history_entry::HistoryEntry::from_log_entry(parent, app.get_record(parent).await.newest().unwrap())
                .unwrap()
                .into_history_view()
        );
        assert_eq!((&last["event_type"], &last["actor"]), (&json!("chained"), &json!("agent:b-1")));
        assert_eq!(last["details"], json!({"child_packet_id": child.id()}));
        let first = json!(
            crate::history_entry::HistoryEntry::from_log_entry(
                child.id(),
                app.get_record(child.id()).await.newest().unwrap(),
            )
            .unwrap()
            .into_history_view()
        );
        assert_eq!(first["details"], json!({"parent_packet_id": parent, "chain": true}));
        // The stream worker repeats the write, and the parent's history stays as it is.
        let child = app.get_record(child.id()).await;
        packet_ops::link_to_parent(&app.cx, &child).await.unwrap();
        assert_eq!(app.get_record(parent).await.seq, 2);
    }

    #[tokio::test]
    async fn repeated_chain_request_ignores_parent_changes() {
        let app = TestApp::new().await;
        let (parent, other) = (app.create_packet().await, app.create_packet().await);
        let chain = async |parent: RecordId, body: Value| {
            let request = http::Request::builder().header("x-api-key", WRITER).header("idempotency-key", "next");
            app.send(ENDPOINT, &format!("/api/v1/packets/{parent}/chain"), request, body.to_string()).await
        };
        let first = chain(parent, packet_body()).await;
        let turns = json!({"context": {"summary": "s", "conversation_state": [{"role": "user", "content": "later"}]}});
        let patched = app.call(crate::patch::ENDPOINT, &format!("/api/v1/packets/{parent}"), WRITER, turns).await;
        assert_eq!(patched.status.as_u16(), 200, "{}", patched.json);
        let repeat = chain(parent, packet_body()).await;
        assert_eq!((repeat.status.as_u16(), &repeat.json), (201, &first.json));
        let mut otherwise = packet_body();
        otherwise["context"]["summary"] = "Another".into();
        assert_eq!(chain(parent, otherwise).await.status.as_u16(), 409);
        assert_eq!(chain(other, packet_body()).await.status.as_u16(), 409);
    }

    /// The parent's own log is short: the child's effect may run when the log no longer contains its entry.
    #[tokio::test]
    async fn parent_history_records_each_child_once() {
        let app = TestApp::new().await;
        let parent = app.create_packet().await;
        let path = format!("/api/v1/packets/{parent}");
        let child = app.call(ENDPOINT, &format!("{path}/chain"), WRITER, packet_body()).await;
        assert_eq!(child.status.as_u16(), 201, "{}", child.json);
        for _ in 0..handrail_domain::record::LOG_ENTRIES_MAX {
            app.call(crate::patch::ENDPOINT, &path, WRITER, json!({})).await;
        }
        for _ in 0..2 {
            app.run_dispatcher().await;
            let history = app.call(crate::history::ENDPOINT, &format!("{path}/history"), WRITER, Value::Null).await;
            let events = history.json["events"].as_array().unwrap();
            let chained = events.iter().filter(|event| event["event_type"] == "chained").count();
            assert_eq!((events.len(), chained), (2, 1), "{}", history.json);
        }
    }

    /// The operation crashed before it linked the parent, and the child's large spec is not in the stream's image.
    #[tokio::test]
    async fn late_worker_links_child_with_long_log() {
        let app = TestApp::new().await;
        let parent = app.create_packet().await;
        let mut body = packet_body();
        let tags = (0..50).map(|number| handrail_domain::key_hash::hash_of_key(&format!("tag {number}")).repeat(2));
        body["metadata"]["tags"] = tags.collect();
        let content = packet_ops::get(&app.cx, crate::testing::tenant(), parent).await.unwrap().content;
        let proposal = NewPacket::read(&body).unwrap().chained_to(parent, &content);
        let key = crate::testing::api_key(handrail_domain::access::Role::Writer);
        let child = handrail_packet_records::create(&app.cx, &key, proposal, None).await.unwrap().record;
        for _ in 0..handrail_domain::record::LOG_ENTRIES_MAX {
            let path = format!("/api/v1/packets/{}", child.id);
            assert_eq!(app.call(crate::patch::ENDPOINT, &path, WRITER, json!({})).await.status.as_u16(), 200);
        }
        assert!(app.get_record(child.id).await.event(1).is_none(), "the log still holds the first event");
        assert_eq!(app.get_record(parent).await.seq, 1);
        app.run_dispatcher().await;
        let linked = app.get_record(parent).await;
        let PacketEvent::Chained { child: named, .. } = &linked.newest().unwrap().event else {
            panic!("{:?}", linked.newest())
        };
        assert_eq!(*named, child.id);
    }

    #[tokio::test]
    async fn chain_from_unknown_parent_is_not_found() {
        let app = TestApp::new().await;
        let path = "/api/v1/packets/018f0000-0000-7000-8000-000000000000/chain";
        assert_eq!(app.call(ENDPOINT, path, WRITER, packet_body()).await.status.as_u16(), 404);
    }
}
