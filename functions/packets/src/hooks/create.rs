//! `POST /api/v1/hooks`: creates a webhook.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::{RequestFormat, hex};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{NewWebhook, Packet};
use handrail_records::webhook::{WebhookParams, create};
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::secret::Secret;
use handrail_store::{ApiKey, WEBHOOKS_MAX};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::once::{CreatedOnce, OnceRequest, once};
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

use super::WebhookView;
use crate::body::Body;
use crate::door::DOOR;
use crate::errors::error;
use crate::requests;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-create",
    method: HttpMethod::Post,
    path: "/api/v1/hooks",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Webhooks),
        RequiredSetting::WebhookHosts,
    ],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::PutWebhook, DataAccess::RunOnce],
    summary: "Create a webhook for packet events",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

const FORMAT: RequestFormat = RequestFormat { name: "packets.hooks.create", version: 1 };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HooksWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewHook>,
) -> Result<CreatedOnce<WebhookView>, Problem> {
    let proposal = body.read(&caller.key, |body| NewWebhook::read(body, cx.settings.address_policy))?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let events = proposal.events.iter().map(|event| event.name().to_owned()).collect();
    let params = WebhookParams { url: proposal.url, events, secret: Secret::new(proposal.secret) };
    let content = content_json(&cx, &params)?;
    let request = OnceRequest::of_key(&caller.key, idempotency_key.as_deref(), FORMAT, content);
    once(&cx, request, |ids| create_webhook(&cx, ids, &caller.key, params)).await
}

/// Returns the content of the request. The table keeps a digest of the content, from which a weak secret could be
/// guessed, so the secret is in it as a signature.
fn content_json(cx: &Cx, params: &WebhookParams) -> Result<Value, Problem> {
    let secret = cx.key(KeyPurpose::Webhooks)?.sign_token("hook secret", params.secret.expose().as_bytes());
    Ok(json!({"url": params.url, "events": params.events, "secret": hex(&secret)}))
}

async fn create_webhook(cx: &Cx, ids: EffectIds, key: &ApiKey, params: WebhookParams) -> Result<WebhookView, Problem> {
    let Some(webhook) = create(cx, &ids, key.tenant, Packet::KIND, &params).await? else {
        return Err(error(StatusCode::CONFLICT, format!("There are {WEBHOOKS_MAX} active webhooks: delete one first")));
    };
    Ok(WebhookView::new(&webhook))
}

#[cfg(test)]
mod tests {
    use handrail_records::webhook::signing_secret;
    use serde_json::json;

    use super::*;
    use crate::hooks::testing::{SECRET, create_webhook, list_webhooks, webhook_body};
    use crate::testing::{AGENT, NOON, READER, TestApp, WRITER, tenant};

    #[tokio::test]
    async fn created_webhook_hides_its_secret() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/api/v1/hooks", WRITER, webhook_body()).await;
        let expected = json!({
            "id": created.json["id"],
            "url": "https://example.com/hook",
            "events": ["packet.created", "packet.claimed", "packet.completed", "packet.failed"],
            "tenant_id": tenant(),
            "active": true,
            "created_at": NOON,
        });
        assert_eq!((created.status.as_u16(), &created.json), (201, &expected));
        let stored = list_webhooks(&app).await;
        assert_eq!(signing_secret(&app.cx, &stored[0]).unwrap().unwrap().expose(), SECRET);
        assert!(!format!("{stored:?}").contains(SECRET));
    }

    #[tokio::test]
    async fn invalid_webhook_is_refused_and_not_stored() {
        let app = TestApp::new().await;
        for (member, value, field) in [
            ("url", json!("http://169.254.169.254/latest/meta-data"), "url"),
            ("url", json!("http://localhost:8787/"), "url"),
            ("url", json!(7), "url"),
            ("secret", json!("short"), "secret"),
            ("secret", Value::Null, "secret"),
            ("events", json!(["packet.updated"]), "events.0"),
            ("events", json!("packet.created"), "events"),
        ] {
            let mut body = webhook_body();
            body[member] = value;
            let refused = app.call(ENDPOINT, "/api/v1/hooks", WRITER, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
            assert!(refused.json["errors"].is_array());
        }
        assert!(list_webhooks(&app).await.is_empty());
    }

    #[tokio::test]
    async fn webhooks_require_writer_role() {
        let app = TestApp::new().await;
        for key in [READER, AGENT] {
            assert_eq!(app.call(ENDPOINT, "/api/v1/hooks", key, webhook_body()).await.status.as_u16(), 403);
        }
        assert!(list_webhooks(&app).await.is_empty());
    }

    #[tokio::test]
    async fn concurrent_creates_never_exceed_webhook_limit() {
        let app = TestApp::new().await;
        for _ in 0..WEBHOOKS_MAX - 3 {
            create_webhook(&app).await;
        }
        let requests = (0..10).map(|_| app.call(ENDPOINT, "/api/v1/hooks", WRITER, webhook_body()));
        let statuses: Vec<u16> =
            futures_util::future::join_all(requests).await.iter().map(|response| response.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 3, "{statuses:?}");
        assert_eq!(list_webhooks(&app).await.len(), usize::from(WEBHOOKS_MAX));
        let full = app.call(ENDPOINT, "/api/v1/hooks", WRITER, webhook_body()).await;
        assert_eq!(full.error(), (409, "There are 50 active webhooks: delete one first"));
    }

    #[tokio::test]
    async fn deleted_webhook_frees_a_slot() {
        let app = TestApp::new().await;
        let mut ids = Vec::new();
        for _ in 0..WEBHOOKS_MAX {
            ids.push(create_webhook(&app).await);
        }
        for id in [ids[7], ids[3]] {
            app.advance(1);
            app.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{id}"), WRITER, Value::Null).await;
        }
        let newest = create_webhook(&app).await;
        let stored: Vec<_> = list_webhooks(&app).await.iter().map(|webhook| webhook.id).collect();
        assert_eq!(stored.len(), usize::from(WEBHOOKS_MAX));
        assert!(
            stored[0] == newest && stored.contains(&ids[3]) && !stored.contains(&ids[7]),
            "the slot of the webhook deleted first is reused"
        );
    }
}
