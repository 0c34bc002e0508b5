//! `GET /decisions/{id}/receipt`: returns the signed receipt of a settled decision.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::{Decision, ReceiptClaims};
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;
use crate::receipt_issuer;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-receipt",
    method: HttpMethod::Get,
    path: "/decisions/{id}/receipt",
    auth: Auth::ApiKey(Scope::DecisionsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::Receipts), RequiredSetting::Origin],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::StorePublicKey],
    summary: "Get the signed receipt of a settled decision",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[404, 409])
}

/// Receipt of a decision.
#[derive(Serialize, JsonSchema)]
struct ReceiptView {
    /// Compact JWS over the claims. The public keys are at `/.well-known/jwks.json`.
    receipt: String,
    claims: ReceiptClaims,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsRead>,
    PathParam(id): PathParam,
) -> Result<axum::Json<ReceiptView>, Problem> {
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    let tenant = caller.key.tenant;
    let read = async { cx.store.record::<Decision>(tenant, id).await?.ok_or(DECISION_NOT_FOUND) };
    let record = limited_read(&cx, &caller.key, id, read).await?;
    let receipt = receipt_issuer::issue(&cx, &record).await?.ok_or_else(not_decided)?;
    Ok(axum::Json(ReceiptView { receipt: receipt.signed, claims: receipt.claims }))
}

fn not_decided() -> Problem {
    let message = "This decision is still open: it has a receipt once it is answered, cancelled or expired";
    Problem::refused(StatusCode::CONFLICT, "NOT_DECIDED", message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use handrail_context::settings::Settings;
    use handrail_domain::access::Role;
    use handrail_domain::record::ChainHash;
    use handrail_secrets::jwk_set::JwkSet;
    use handrail_secrets::jws;
    use handrail_secrets::keys::Keys;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, APP, MINUTE_MS, NOON, TestApp, api_key, decision_body};
    use crate::{cancel, jwks, resolve};

    /// Creates a decision with a typed action and approves it after a minute. Returns the path of its receipt.
    async fn approve(app: &TestApp) -> String {
        let mut body = decision_body();
        (body["tool"], body["arguments"]) = ("refund".into(), json!({"amount": 80}));
        (body["single_use"], body["valid_for_seconds"]) = (true.into(), 600.into());
        let id = app.call(crate::create::ENDPOINT, "/decisions", AGENT, body).await.id();
        app.advance(1);
        let answer = json!({"action": "approve", "notes": "fine", "resolved_by": "Ann", "response_data": {"a": 1}});
        let answered = app.call(resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, answer).await;
        assert_eq!(answered.status, 200, "{}", answered.text);
        format!("/decisions/{id}/receipt")
    }

    async fn receipt(app: &TestApp, path: &str) -> Value {
        let response = app.call(ENDPOINT, path, AGENT, Value::Null).await;
        assert_eq!(response.status, 200, "{}", response.text);
        response.json
    }

    async fn public_keys(app: &TestApp) -> JwkSet {
        JwkSet::parse(&app.call(jwks::ENDPOINT, jwks::ENDPOINT.path, "", Value::Null).await.text).unwrap()
    }

    #[tokio::test]
    async fn receipt_has_every_claim() {
        let app = TestApp::new().await;
        let path = approve(&app).await;
        let id = path.split('/').nth(2).unwrap().parse().unwrap();
        let record = app.record(id).await;
        let texts = record.log.iter().map(|logged| logged.hashed().text);
        let chain = texts.fold(ChainHash::genesis(record.tenant, id), |hash, text| hash.then(&text));
        let decided_at = NOON.plus_ms(MINUTE_MS);
        let expected = json!({
            "iss": "https://handrail.example",
            "jti": id,
            "iat": decided_at.as_unix_seconds(),
            "status": "approved",
            "action_hash": record.spec.action_hash(),
            "tool": "refund",
            "single_use": true,
            "valid_until": decided_at.plus_ms(600_000),
            "decided_at": decided_at,
            "resolved_by": "Ann",
            "resolved_via": "api",
            "resolved_with_key": api_key(Role::App, APP).id,
            "resolved_with_key_name": "the app",
            "asked_by": {"id": api_key(Role::Agent, AGENT).id, "name": "the agent"},
            "shown_hash": null,
            "policy": null,
            "response": {"notes": "fine", "response_data": {"a": 1}},
            "log_hash": chain.to_hex(),
            "env": "live",
        });
        let response = receipt(&app, &path).await;
        assert_eq!(response["claims"], expected);
        let signed = response["receipt"].as_str().unwrap();
        let payload = jws::verify(signed, "handrail-receipt+jwt", &public_keys(&app).await).unwrap();
        assert_eq!(payload, expected.to_string());
    }

    #[tokio::test]
    async fn open_decision_has_no_receipt() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let path = format!("/decisions/{id}/receipt");
        assert_eq!(app.call(ENDPOINT, &path, AGENT, Value::Null).await.error(), (409, "NOT_DECIDED"));
        let unknown = path.replace(&id.to_string(), &app.cx.new_record_id().to_string());
        for path in [unknown.as_str(), "/decisions/x/receipt"] {
            assert_eq!(app.call(ENDPOINT, path, AGENT, Value::Null).await.error(), (404, "NOT_FOUND"));
        }
        assert_eq!(public_keys(&app).await, JwkSet::default(), "nothing was signed");
        assert_eq!(app.record(id).await.seq, 1);
    }

    /// Neither a timer nor a later trim of the log changes what was signed.
    #[tokio::test]
    async fn receipt_has_the_same_bytes_for_ever() {
        let app = TestApp::new().await;
        let answered = approve(&app).await;
        let cancelled = app.create_decision().await;
        app.call(cancel::ENDPOINT, &format!("/decisions/{cancelled}/cancel"), AGENT, Value::Null).await;
        let expired = app.create_decision().await;
        app.advance(60);
        let paths = [answered, format!("/decisions/{cancelled}/receipt"), format!("/decisions/{expired}/receipt")];
        let mut before = Vec::new();
        for path in &paths {
            before.push(receipt(&app, path).await);
        }
        assert_eq!(app.record(expired).await.seq, 1, "no timer has fired");
        assert_eq!(before[2]["claims"]["status"], "expired");
        assert_eq!(before[2]["claims"]["decided_at"], json!(app.record(expired).await.spec.expires_at));
        assert_eq!(before[1]["claims"]["cancelled_at"], before[1]["claims"]["decided_at"]);
        app.advance(1);
        handrail_records::transition::fire_due_timers::<Decision>(&app.cx, crate::testing::tenant(), expired)
            .await
            .unwrap();
        assert_eq!(app.record(expired).await.seq, 2);
        for (path, before) in paths.iter().zip(before) {
            assert_eq!(receipt(&app, path).await, before);
            app.trim_log(path.split('/').nth(2).unwrap().parse().unwrap()).await;
            assert_eq!(receipt(&app, path).await, before);
        }
    }

    #[tokio::test]
    async fn old_keys_stay_public_after_a_rotation() {
        let app = TestApp::new().await;
        let path = approve(&app).await;
        let old = receipt(&app, &path).await;
        let settings = Settings {
            keys: Keys::from_master_secret("another master secret of these tests"),
            ..app.cx.settings.clone()
        };
        let (clock, entropy) = (Arc::clone(&app.cx.clock), Arc::clone(&app.cx.entropy));
        let rotated = Cx::new(app.cx.store.clone(), clock, entropy, settings);
        let record = app.record(path.split('/').nth(2).unwrap().parse().unwrap()).await;
        let new = receipt_issuer::issue(&rotated, &record).await.unwrap().unwrap().signed;
        let keys = public_keys(&app).await;
        for signed in [old["receipt"].as_str().unwrap(), new.as_str()] {
            assert_eq!(jws::verify(signed, "handrail-receipt+jwt", &keys).unwrap(), old["claims"].to_string());
        }
        assert_ne!(old["receipt"], new);
        assert_eq!(keys.to_json()["keys"].as_array().map(Vec::len), Some(2));
    }
}
