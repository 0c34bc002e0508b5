//! Samples of the key and tenant operations of the packets door.

use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::ids::TenantId;
use serde_json::{Value, json};

use crate::replay_app::{ADMIN, NOW, OPERATOR, ReplayApp, key_id, tenant};
use crate::samples::{Body, Sample};

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let sample_by = |key: &str, body: Option<Value>| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let with_id = |id: String, sample: Sample| Sample { parameter: Some(("id", id)), ..sample };
    let agents_key = key_id(Role::Agent).to_string();
    let idempotent = |sample: Sample| Sample { headers: vec![("idempotency-key", "setup-4711".to_owned())], ..sample };
    Some(match function {
        "keys-create" => idempotent(sample_by(ADMIN, Some(json!({"name": "refund agent", "role": "agent"})))),
        "keys-list" => sample_by(ADMIN, None),
        "keys-revoke" | "keys-usage" => with_id(agents_key, sample_by(ADMIN, None)),
        "keys-rotate" => idempotent(with_id(agents_key, sample_by(ADMIN, None))),
        "tenants-create" => idempotent(sample_by(
            OPERATOR,
            Some(json!({"name": "Acme", "tier": "business", "handoffs_per_day": 500, "max_api_keys": 20})),
        )),
        "tenants-list" => sample_by(OPERATOR, None),
        "tenants-get" | "tenants-keys" => with_id(tenant().to_string(), sample_by(ADMIN, None)),
        "tenants-change" => {
            with_id(tenant().to_string(), sample_by(OPERATOR, Some(json!({"name": "Acme", "tier": "pro"}))))
        }
        "tenants-delete" => with_id(other_tenant().to_string(), sample_by(OPERATOR, None)),
        _ => return None,
    })
}

/// Id of an active tenant without keys.
pub(crate) fn other_tenant() -> TenantId {
    TenantId::new(NOW, [42; 10])
}

/// Sets up a deleted tenant with the sample's name, and another active tenant.
pub(crate) async fn set_up(app: &mut ReplayApp, _function: &str) {
    let store = &app.cx.store;
    let deleted =
        Tenant { deleted_at: Some(NOW), ..Tenant::new(TenantId::new(NOW, [43; 10]), "Acme", Tier::Free, NOW) };
    store.claim_name(&deleted.name, deleted.tenant, NOW).await.expect("a name can be claimed");
    assert!(store.put_tenant(&deleted).await.expect("a tenant can be put"));
    let active = Tenant::new(other_tenant(), "Another", Tier::Pro, NOW);
    assert!(store.put_tenant(&active).await.expect("a tenant can be put"));
    app.cold_start();
}
