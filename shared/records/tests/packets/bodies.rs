//! Bodies: written with their packet, retained while a head names them, expired afterwards.

use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::packet::{Act, Content, Packet};
use handrail_records::transition::{PlannedChange, TransitionError, create_with_body, transition_with_body};
use handrail_store::{CommitOutcome, Filter, PageRequest, PutBodyOutcome, RecordWithBody};
use tokio::task::JoinSet;

use crate::test_app::{PacketFixture, TestApp, body_of, claim, command, content, edit, page, tenant};

const BODY_SK_PREFIX: &str = "head.body#";
const CHUNK_SK_PREFIX: &str = "part#";

/// Returns a text that compression shrinks by only a fifth: any character that JSON writes as one byte.
pub(crate) fn slightly_compressible_text(bytes: usize, seed: u32) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b' ' + u8::try_from((state >> 8) % 95).unwrap()
    };
    (0..bytes).map(|_| char::from(next())).collect::<String>().replace(['"', '\\'], "_")
}

/// Returns a text that compression shrinks very little.
pub(crate) fn incompressible_text(bytes: usize, seed: u32) -> String {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        char::from(b' ' + u8::try_from(state >> 26).unwrap())
    };
    (0..bytes).map(|_| next()).collect::<String>().replace(['"', '\\'], "_")
}

#[tokio::test]
async fn packet_and_body_are_read_in_one_query() {
    let app = TestApp::new().await;
    for size in [10, 60_000] {
        let expected = content(&incompressible_text(size, 3));
        let packet = app.create_packet(PacketFixture { content: expected.clone(), ..PacketFixture::default() }).await;
        app.take_call_counts();
        let found = app.packet_with_body(packet.id).await;
        assert_eq!(app.take_call_counts().by_action.get("Query"), Some(&1));
        assert_eq!(found.record, packet);
        assert_eq!(found.body.unwrap().read::<Content>().unwrap(), expected);
        // Reading the record alone does not read its body.
        assert_eq!(app.cx.store.record::<Packet>(tenant(), packet.id).await.unwrap().unwrap(), packet);
    }
}

#[tokio::test]
async fn replaced_body_expires_and_current_body_stays() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary("first")).await;
    assert!(
        app.items(packet.id, BODY_SK_PREFIX).await[0].contains_key("ttl"),
        "a body has a time to live until the stream is handled"
    );
    app.dispatch().await;
    assert!(!app.items(packet.id, BODY_SK_PREFIX).await[0].contains_key("ttl"));

    app.act(packet.id, claim("coder"), None).await;
    app.dispatch().await;
    assert_eq!(app.items(packet.id, BODY_SK_PREFIX).await.len(), 1, "a claim writes no body");

    app.edit(packet.id, &content("second")).await;
    app.edit(packet.id, &content("first")).await;
    app.dispatch().await;
    let items = app.items(packet.id, BODY_SK_PREFIX).await;
    // Newest first. The third version has the content of the first, but a body of its own.
    assert_eq!(items.iter().map(|item| item.contains_key("ttl")).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(items.iter().map(|item| item.contains_key("facet_pk")).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(app.content(packet.id).await, content("first"));
    let expiry_times: Vec<i64> = items[1..].iter().map(|item| item["ttl"].as_n().unwrap().parse().unwrap()).collect();
    assert!(expiry_times.iter().all(|expires_at| *expires_at == app.now().as_unix_seconds() + 24 * 60 * 60));
}

#[tokio::test]
async fn unreferenced_body_expires() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary("true")).await;
    app.dispatch().await;
    for summary in ["lost", "lost as well", "and this"] {
        let next = decide(
            &packet,
            &command(&app.cx, Act::Edit(edit(packet.state_data.content.clone(), &content(summary)))),
            app.now(),
        );
        let put = app.cx.store.put_body(&next.unwrap().next, &body_of(&content(summary)), app.now()).await.unwrap();
        assert!(matches!(put, PutBodyOutcome::Done(_)));
    }
    app.dispatch().await;
    let items = app.items(packet.id, BODY_SK_PREFIX).await;
    assert_eq!(items.iter().filter(|item| item.contains_key("ttl")).count(), 3);
    // The lost bodies sort before the current one and are not read in its place.
    assert_eq!(app.content(packet.id).await, content("true"));
}

#[tokio::test]
async fn repeated_create_keeps_the_retained_body() {
    let app = TestApp::new().await;
    let (record, command, body) = PacketFixture::with_summary("once").record(&app.cx, tenant());
    let packet_with_body = RecordWithBody { record: record.clone(), body: Some(body) };
    create_with_body(&app.cx, packet_with_body.clone(), &command).await.unwrap();
    app.edit(record.id, &content("twice")).await;
    app.dispatch().await;
    let (repeated, body) = create_with_body(&app.cx, packet_with_body, &command).await.unwrap();
    assert!(repeated.is_repeat && repeated.record.seq == 2);
    assert_eq!(body.unwrap().read::<Content>().unwrap(), content("twice"), "the current body is returned");
    app.dispatch().await;
    let items = app.items(record.id, BODY_SK_PREFIX).await;
    assert_eq!(items.iter().map(|item| item.contains_key("ttl")).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn concurrent_edits_lose_no_change() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary("")).await;
    let mut writers = JoinSet::new();
    for at in 0..12 {
        let (cx, id) = (app.cx.clone(), packet.id);
        writers.spawn(async move {
            let base_command = command(&cx, Act::Heartbeat);
            let transition = transition_with_body(
                &cx,
                tenant(),
                id,
                |packet: &RecordWithBody<Packet>| -> Result<_, TransitionError<Packet>> {
                    let mut content: Content = packet.body.as_ref().unwrap().read()?;
                    content.context.summary.push_str(&format!("{at};"));
                    let act = Act::Edit(edit(packet.record.state_data.content.clone(), &content));
                    Ok(PlannedChange {
                        command: Command { act, ..base_command.clone() },
                        body: Some(body_of(&content)),
                    })
                },
            );
            assert!(!transition.await.unwrap().0.is_repeat);
        });
    }
    writers.join_all().await;
    let written = app.content(packet.id).await.context.summary;
    let mut numbers: Vec<u32> = written.split_terminator(';').map(|number| number.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn too_large_body_is_refused_without_writes() {
    let app = TestApp::new().await;
    let (record, command, body) =
        PacketFixture::with_summary(&incompressible_text(2_000_000, 5)).record(&app.cx, tenant());
    let result = create_with_body(&app.cx, RecordWithBody { record: record.clone(), body: Some(body) }, &command).await;
    assert!(matches!(result, Err(TransitionError::TooLarge)));
    assert!(app.cx.store.record_with_body::<Packet>(tenant(), record.id).await.unwrap().is_none());
    assert_eq!(app.items(record.id, "").await.len(), 0);
    // A body that compresses well may be as large as a chain makes it.
    app.create_packet(PacketFixture::with_summary(&"again and ".repeat(100_000))).await;
}

/// Content sizes beyond one item even when compressed, up to the largest packet, with their number of chunks.
const LARGE_BODIES: [(usize, usize); 3] = [(480_000, 2), (900_000, 3), (1_040_000, 3)];

#[tokio::test]
async fn large_body_is_split_and_rejoined() {
    let app = TestApp::new().await;
    let mut all = Vec::new();
    for (seed, (size, chunks)) in (3..).zip(LARGE_BODIES) {
        let expected = content(&slightly_compressible_text(size, seed));
        let packet = app.create_packet(PacketFixture { content: expected.clone(), ..PacketFixture::default() }).await;
        assert_eq!(
            app.items(packet.id, BODY_SK_PREFIX).await.len() + app.items(packet.id, CHUNK_SK_PREFIX).await.len(),
            chunks,
            "{size}"
        );
        app.take_call_counts();
        assert_eq!(app.content(packet.id).await, expected);
        assert!(app.take_call_counts().by_action["Query"] <= 3);
        assert_eq!(app.cx.store.record::<Packet>(tenant(), packet.id).await.unwrap().unwrap(), packet);
        assert_eq!(app.take_call_counts().by_action["Query"], 1, "a split body does not slow down reading the head");
        all.insert(0, expected);
    }
    let found = app.find(&Filter::default(), &page(10, 0)).await;
    let listed = found.records.into_iter().map(|packet| packet.body.unwrap().read::<Content>().unwrap());
    assert!(listed.eq(all));
}

#[tokio::test]
async fn list_skips_bodies_beyond_the_page_size() {
    let app = TestApp::new().await;
    for seed in 1..=6 {
        app.create_packet(PacketFixture::with_summary(&slightly_compressible_text(1_000_000, seed))).await;
    }
    app.take_call_counts();
    let found = app.find(&Filter::default(), &PageRequest { bytes_max: 3_100_000, ..page(6, 0) }).await;
    assert_eq!((found.records.len(), found.total.count), (3, 6));
    // A count of four shards and its progress, six heads, and three bodies of three chunks each.
    assert_eq!(app.take_call_counts().keys_in_batches, 4 + 1 + 6 + 3 * 3);
    let rest = app.find(&Filter::default(), &PageRequest { cursor: found.next, ..page(6, 0) }).await;
    assert_eq!(rest.records.len(), 3);
}

#[tokio::test]
async fn body_chunks_are_retained_and_expire_together() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary(&slightly_compressible_text(700_000, 3))).await;
    let ttl_flags = async || {
        let items =
            app.items(packet.id, BODY_SK_PREFIX).await.into_iter().chain(app.items(packet.id, CHUNK_SK_PREFIX).await);
        items.map(|item| item.contains_key("ttl")).collect::<Vec<_>>()
    };
    assert_eq!(ttl_flags().await, [true; 2]);
    app.dispatch().await;
    assert_eq!(ttl_flags().await, [false; 2]);
    app.edit(packet.id, &content(&slightly_compressible_text(700_000, 5))).await;
    app.edit(packet.id, &content("small")).await;
    app.dispatch().await;
    let retained: Vec<bool> = ttl_flags().await.into_iter().filter(|has_ttl| !has_ttl).collect();
    assert_eq!((retained.len(), ttl_flags().await.len()), (1, 1 + 2 * 2));
    let chunks = app.items(packet.id, CHUNK_SK_PREFIX).await;
    let expires_at = app.now().as_unix_seconds() + 24 * 60 * 60;
    assert!(chunks.iter().all(|chunk| chunk["ttl"].as_n().unwrap() == &expires_at.to_string()));
    assert_eq!(app.content(packet.id).await, content("small"));
}

#[tokio::test]
async fn concurrent_edits_of_large_bodies_lose_no_change() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary(&slightly_compressible_text(500_000, 9))).await;
    let mut writers = JoinSet::new();
    for at in 0..4_u32 {
        let (cx, id) = (app.cx.clone(), packet.id);
        writers.spawn(async move {
            let base_command = command(&cx, Act::Heartbeat);
            let transition = transition_with_body(
                &cx,
                tenant(),
                id,
                |packet: &RecordWithBody<Packet>| -> Result<_, TransitionError<Packet>> {
                    let mut content: Content = packet.body.as_ref().unwrap().read()?;
                    content
                        .context
                        .custom
                        .insert(format!("by {at}"), slightly_compressible_text(10_000, at + 20).into());
                    let act = Act::Edit(edit(packet.record.state_data.content.clone(), &content));
                    Ok(PlannedChange {
                        command: Command { act, ..base_command.clone() },
                        body: Some(body_of(&content)),
                    })
                },
            );
            assert!(!transition.await.unwrap().0.is_repeat);
        });
    }
    writers.join_all().await;
    app.dispatch().await;
    let written = app.content(packet.id).await;
    assert_eq!(written.context.custom.len(), 4);
    assert_eq!(written.context.summary, slightly_compressible_text(500_000, 9));
}

/// A plan repeated after its own success could be refused, although the change was made.
#[tokio::test]
async fn lost_response_does_not_repeat_the_plan() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary("before")).await;
    let base_command = command(&app.cx, Act::Heartbeat);
    app.lose_response_to("UpdateItem");
    let transition = transition_with_body(
        &app.cx,
        tenant(),
        packet.id,
        |packet: &RecordWithBody<Packet>| -> Result<_, TransitionError<Packet>> {
            let current: Content = packet.body.as_ref().unwrap().read()?;
            if current.context.summary != "before" {
                return Err(TransitionError::Busy);
            }
            let next = content("after");
            let act = Act::Edit(edit(packet.record.state_data.content.clone(), &next));
            Ok(PlannedChange { command: Command { act, ..base_command.clone() }, body: Some(body_of(&next)) })
        },
    );
    let (applied, body) = transition.await.unwrap();
    assert_eq!((applied.record.seq, body.unwrap().read::<Content>().unwrap()), (2, content("after")));
    assert_eq!(app.packet_with_body(packet.id).await.record.seq, 2);
}

#[tokio::test]
async fn record_cannot_reference_an_unwritten_body() {
    let app = TestApp::new().await;
    let packet = app.create_packet(PacketFixture::with_summary("there")).await;
    let act = Act::Edit(edit(packet.state_data.content.clone(), &content("nowhere")));
    assert!(matches!(app.try_act(packet.id, act.clone(), None).await, Err(TransitionError::Fault(_))));
    assert!(matches!(
        app.try_act(packet.id, act.clone(), Some(&content("another one"))).await,
        Err(TransitionError::Fault(_))
    ));
    let transition = decide(&packet, &command(&app.cx, act), app.now()).unwrap();
    let committed: Result<CommitOutcome<Packet>, _> = app.cx.store.commit(&packet, &transition).await;
    assert!(committed.is_err());
    assert_eq!(app.content(packet.id).await, content("there"));
}
