//! `GET /.well-known/jwks.json`: the public keys of receipts, for everyone. Every key that ever signed stays in the list.
//!
//! The operation has no secret: a key is stored before it signs, so the list is read from the table.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_platform::fault::Fault;
use handrail_secrets::jwk_set::JwkSet;
use handrail_secrets::signing_key::PublicKey;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use http::header::CACHE_CONTROL;
use schemars::JsonSchema;

use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "jwks",
    method: HttpMethod::Get,
    path: "/.well-known/jwks.json",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::ListPublicKeys],
    summary: "List the public keys that check receipts",
    route,
};

/// Short, because a new key must be found soon after its first receipt.
const CACHED: &str = "public, max-age=300";
/// Without a key the next receipt brings the first one.
const NOT_CACHED: &str = "no-store";

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<JwkSetSchema>(200)
}

/// JSON Web Key Set, as RFC 7517 says.
#[derive(JsonSchema)]
#[schemars(rename = "JwkSet")]
#[expect(dead_code, reason = "only its schema is used: the operation returns a `JwkSet`")]
struct JwkSetSchema {
    keys: Vec<JwkSchema>,
}

/// Public Ed25519 key, as RFC 8037 says.
#[derive(JsonSchema)]
#[schemars(rename = "Jwk")]
#[expect(dead_code, reason = "only its schema is used: the operation returns a `JwkSet`")]
struct JwkSchema {
    kty: String,
    crv: String,
    alg: String,
    #[schemars(rename = "use")]
    usage: String,
    /// Thumbprint of the key, as RFC 7638 says.
    kid: String,
    /// Public key, in base64url.
    x: String,
}

async fn handler(State(cx): State<Cx>) -> Result<Response, Problem> {
    let stored = cx.store.receipt_keys().await?;
    let read = |key: &str| PublicKey::from_base64url(key).ok_or_else(|| Fault::internal("a public key can't be read"));
    let keys = stored.iter().map(|stored| read(&stored.key)).collect::<Result<Vec<_>, _>>()?;
    let cache_control = if keys.is_empty() { NOT_CACHED } else { CACHED };
    Ok(([(CACHE_CONTROL, cache_control)], axum::Json(JwkSet::new(keys).to_json())).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, APP, TestApp};
    use crate::{receipt, resolve};

    #[tokio::test]
    async fn keys_are_public_and_cacheable_once_one_has_signed() {
        let app = TestApp::new().await;
        let keys = async || app.submit_form(ENDPOINT, ENDPOINT.path, "").await;
        let empty = keys().await;
        assert_eq!((empty.status.as_u16(), &empty.json), (200, &json!({"keys": []})));
        assert_eq!(empty.headers[CACHE_CONTROL], "no-store");
        let id = app.create_decision().await;
        app.call(resolve::ENDPOINT, &format!("/decisions/{id}/resolve"), APP, json!({"action": "deny"})).await;
        app.call(receipt::ENDPOINT, &format!("/decisions/{id}/receipt"), AGENT, Value::Null).await;
        let found = keys().await;
        assert_eq!(found.headers[CACHE_CONTROL], "public, max-age=300");
        assert_eq!(found.json["keys"].as_array().map(Vec::len), Some(1));
        assert_eq!((&found.json["keys"][0]["kty"], &found.json["keys"][0]["alg"]), (&json!("OKP"), &json!("EdDSA")));
    }
}
