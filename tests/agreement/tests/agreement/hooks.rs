//! The samples of hooks: one address is called about a packet, and was given up.

use handrail_domain::effect::Purpose;
use handrail_domain::hook::HookId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::hook::Wanted;
use handrail_kernel::slack::Secret;
use handrail_kernel::store::{Delivery, DeliveryKey, DeliveryStatus};
use serde_json::json;

use crate::packets::packet_id;
use crate::samples::{Body, Sample};
use crate::stage::{ADMIN, NOW, Stage, WRITER, tenant};

const URL: &str = "https://agent.example.com/hooks/packets";

/// The hook that is there.
fn hook_id() -> HookId {
    HookId::new(NOW, [8; 10], 0)
}

fn key() -> DeliveryKey {
    DeliveryKey { tenant: tenant(), record: packet_id(), seq: 1, purpose: Purpose::Announce, hook: Some(hook_id()) }
}

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let by = |key: &str| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    };
    Some(match function {
        "packets-hooks-create" => Sample {
            body: Some(Body::Json(json!({
                "url": URL,
                "events": ["packet.created", "packet.completed", "hitl.response_ready"],
                "secret": "EXAMPLE, drawn by whoever is called",
            }))),
            ..by(WRITER)
        },
        "packets-hooks-list" | "packets-hooks-dead" => by(WRITER),
        "packets-hooks-delete" => Sample { parameter: Some(("id", hook_id().to_string())), ..by(WRITER) },
        "packets-hooks-deliveries" => Sample {
            parameter: Some(("id", hook_id().to_string())),
            query: vec![("status", "dead_letter".to_owned()), ("limit", "20".to_owned())],
            ..by(WRITER)
        },
        "packets-hooks-replay" => Sample { parameter: Some(("id", key().id())), ..by(WRITER) },
        "packets-hooks-retry-all" => by(ADMIN),
        _ => return None,
    })
}

/// A hook with a call that was given up.
pub(crate) async fn set(stage: &mut Stage) {
    let wanted = Wanted { url: URL.to_owned(), events: Vec::new(), secret: Secret::new("EXAMPLE of a secret") };
    let hook =
        handrail_kernel::hook::in_place(&stage.cx, hook_id(), tenant(), &wanted).expect("a secret can be sealed");
    assert!(stage.cx.store.put_hook(Packet::KIND, &hook, None).await.expect("a hook can be put"));
    let dead = Delivery { status: DeliveryStatus::Dead, ..Delivery::fresh(key(), URL, "{}", NOW) };
    stage.cx.store.open_call(Packet::KIND, key(), "packet.created", &dead).await.expect("a call can be opened");
    stage.forget();
}
