//! The samples of keys and tenants at the packets door.

use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::TenantId;
use serde_json::{Value, json};

use crate::samples::{Body, Sample};
use crate::stage::{ADMIN, NOW, OPERATOR, Stage, key_id, tenant};

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let by = |key: &str, body: Option<Value>| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let at = |id: String, sample: Sample| Sample { parameter: Some(("id", id)), ..sample };
    let agents_key = key_id(Role::Agent).to_string();
    Some(match function {
        "keys-create" => by(ADMIN, Some(json!({"name": "refund agent", "role": "agent"}))),
        "keys-list" => by(ADMIN, None),
        "keys-revoke" | "keys-rotate" => at(agents_key, by(ADMIN, None)),
        "tenants-create" => {
            by(OPERATOR, Some(json!({"name": "Acme", "tier": "business", "handoffs_per_day": 500, "max_api_keys": 20})))
        }
        "tenants-list" => by(OPERATOR, None),
        "tenants-get" | "tenants-keys" => at(tenant().to_string(), by(ADMIN, None)),
        "tenants-change" => at(tenant().to_string(), by(OPERATOR, Some(json!({"name": "Acme", "tier": "pro"})))),
        "tenants-delete" => at(another().to_string(), by(OPERATOR, None)),
        _ => return None,
    })
}

fn another() -> TenantId {
    TenantId::new(NOW, [42; 10])
}

/// What has to have happened before the sample of this operation: a tenant had the name and was deleted, another is there.
pub(crate) async fn set(stage: &mut Stage, _function: &str) {
    let store = &stage.cx.store;
    let gone = Account { deleted_at: Some(NOW), ..Account::new(TenantId::new(NOW, [43; 10]), "Acme", Tier::Free, NOW) };
    store.take_name(&gone.name, gone.tenant, NOW).await.expect("a name can be taken");
    assert!(store.put_account(&gone).await.expect("an account can be put"));
    let there = Account::new(another(), "Another", Tier::Pro, NOW);
    assert!(store.put_account(&there).await.expect("an account can be put"));
    stage.forget();
}
