//! Workers that run late: the head of the record no longer holds the events that they work on.

use handrail_domain::packet::{Act, Packet, PacketEvent};
use handrail_domain::record::{LOG_ENTRIES_MAX, Record};
use handrail_platform::fault::Fault;
use handrail_records::kind::{EventMappers, WebhookEvent, follow_ups_of};
use handrail_records::log::record_with_event;
use handrail_store::HeadKey;

use crate::journal::{add_change, journal_details, journal_entries};
use crate::test_app::{PacketFixture, TestApp, claim, tenant};

/// Creates a packet with more events than its head holds.
async fn packet_with_long_log(app: &TestApp) -> Record<Packet> {
    let packet = app.create_packet(PacketFixture::default()).await;
    let mut packet = app.act(packet.id, claim("coder"), None).await;
    for _ in 0..LOG_ENTRIES_MAX {
        packet = app.act(packet.id, Act::Heartbeat, None).await;
    }
    assert!(packet.event(2).is_none(), "the head still holds the claim");
    packet
}

fn mappers() -> EventMappers<Packet> {
    let webhook_event = |context: &handrail_records::journal::EventContext<'_, Packet>| {
        let body = format!("{:?}", context.record.state());
        Some(WebhookEvent { seq: context.entry.seq, event: "any", body })
    };
    EventMappers { journal_details, webhook_event }
}

#[tokio::test]
async fn late_worker_reads_trimmed_events_from_items() {
    let app = TestApp::new().await;
    let packet = packet_with_long_log(&app).await;
    let changes = app.head_changes();
    // The first process stored all events and died before it sent any message.
    for change in &changes {
        add_change(&app.cx, change).await.unwrap();
    }
    let (created, newest) = (&changes[0].1, &changes[changes.len() - 1].1);
    let late = follow_ups_of::<Packet>(&app.other_process(), Some(created), newest, mappers()).await.unwrap();
    let seqs: Vec<u64> = late.webhook_events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (2..=packet.seq).collect::<Vec<_>>());
    assert!(late.webhook_events.iter().all(|event| event.body == "Claimed"), "{:?}", late.webhook_events);
    assert_eq!(journal_entries(&app).await.len(), changes.len(), "each event is in the journal once");
}

#[tokio::test]
async fn trimmed_event_without_item_is_a_fault() {
    let app = TestApp::new().await;
    let packet = packet_with_long_log(&app).await;
    let changes = app.head_changes();
    let skipping = (Some(changes[0].1.clone()), changes[changes.len() - 1].1.clone());
    let fault = add_change(&app.cx, &skipping).await.unwrap_err();
    assert!(matches!(&fault, Fault::Internal(text, _) if text.contains("nor stored as an item")), "{fault:?}");
    assert_eq!(journal_entries(&app).await, [], "no later event takes the place of a missing one");
    let key = HeadKey { tenant: tenant(), id: packet.id };
    assert!(record_with_event::<Packet>(&app.cx, key, 1).await.is_err());
}

#[tokio::test]
async fn effect_finds_its_event_after_trimming() {
    let app = TestApp::new().await;
    let packet = packet_with_long_log(&app).await;
    for change in &app.head_changes() {
        add_change(&app.cx, change).await.unwrap();
    }
    let key = HeadKey { tenant: tenant(), id: packet.id };
    app.take_call_counts();
    let found = record_with_event::<Packet>(&app.cx, key, 1).await.unwrap();
    assert!(matches!(found.event(1).unwrap().event, PacketEvent::Created { .. }));
    assert_eq!(found.log[1..], packet.log[..]);
    assert_eq!(app.take_call_counts().by_action["Query"], 2);
    // An event that the head holds costs no second read.
    assert_eq!(record_with_event::<Packet>(&app.cx, key, packet.seq).await.unwrap(), packet);
    assert_eq!(app.take_call_counts().by_action["Query"], 1);
    assert!(record_with_event::<Packet>(&app.cx, key, packet.seq + 1).await.is_err());
}
