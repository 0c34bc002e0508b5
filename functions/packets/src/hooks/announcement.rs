//! What a call says, and by what its receiver knows that it is ours.

use handrail_domain::ids::hex;
use handrail_domain::packet::{Announced, Packet, PacketEvent};
use handrail_domain::record::{Entry, Record};
use handrail_kernel::door::Announcement;
use handrail_kernel::feed::Happened;
use handrail_kernel::master::hmac_sha256;
use handrail_kernel::slack::Secret;
use handrail_kernel::store::Call;
use serde_json::{Value, json};

use crate::told::Told;
use crate::view;

/// After each failed call; after one failure more the call is given up: 1 s, 5 s, 30 s, 5 min, 1 h, as published.
pub(crate) const RETRY_GAPS_MS: [i64; 5] = [1_000, 5_000, 30_000, 5 * 60_000, 60 * 60_000];

/// From the event, what was asked and where the event left the packet: nothing of it ever changes.
pub(crate) fn announcement(happened: &Happened<'_, Packet>) -> Option<Announcement> {
    let Happened { record, entry, .. } = happened;
    let event = Announced::of(&entry.event)?.name();
    let mut body = json!({
        "event": event,
        "timestamp": entry.at,
        "packet_id": record.id,
        "status": record.state(),
        "metadata": view::metadata(record),
    });
    if let Some(details) = details(record, entry) {
        body["details"] = details;
    }
    Some(Announcement { seq: entry.seq, event, body: body.to_string() })
}

/// As the history tells it. A subscriber also learns who responded, which stands beside the details there.
fn details(record: &Record<Packet>, entry: &Entry<Packet>) -> Option<Value> {
    let mut details = Told::of(record.id, entry)?.details;
    if let PacketEvent::Answered { by, .. } = &entry.event {
        details["responded_by"] = by.as_str().into();
    }
    details.as_object().is_some_and(|members| !members.is_empty()).then_some(details)
}

/// The signature twice: bare, as published clients compare it, and with the name of its algorithm, as the published
/// document has it.
pub(crate) fn headers(call: &Call, secret: &Secret) -> Vec<(String, String)> {
    let mac = hex(&hmac_sha256(secret.expose().as_bytes(), &[call.delivery.body.as_bytes()]));
    let named = |name: &str, value: String| (name.to_owned(), value);
    vec![
        named("X-HR-Signature-256", format!("sha256={mac}")),
        named("X-HR-Signature", mac),
        named("X-HR-Event", call.event.clone()),
        named("X-HR-Delivery-ID", call.id.to_string()),
    ]
}
