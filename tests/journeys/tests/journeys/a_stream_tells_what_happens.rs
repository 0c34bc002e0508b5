//! `GET /events`: what happens is told as it happens, and who comes back goes on where it was.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_testkit::{EventStream, Told, World};
use serde_json::json;

use crate::packets::{PACKETS, made, packet, patch, seen, take};

/// A name that is no event of a packet would be a mistake here.
async fn names(stream: &mut EventStream, count: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(stream.next().await.expect("the stream goes on").name);
    }
    names
}

async fn next(stream: &mut EventStream) -> Told {
    stream.next().await.expect("the stream goes on")
}

#[tokio::test]
async fn a_stream_tells_what_happens_as_it_happens() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    made(&agent, &packet("before-it-was-opened")).await;
    world.settle().await;
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = made(&agent, &packet("billing-01")).await;
    world.settle().await;
    let created = next(&mut stream).await;
    let shown = seen(&agent, &id).await;
    let expected = json!({
        "type": "packet.created",
        "packet_id": id,
        "data": {"status": "created", "metadata": shown["metadata"]},
        "timestamp": shown["created_at"],
    });
    assert_eq!((created.name.as_str(), created.data), ("packet.created", expected));
    take(&agent, &id, "billing-02").await.expect(200);
    patch(&agent, &id, json!({"context": {"summary": "in other words"}})).await.expect(200);
    patch(&agent, &id, json!({"status": "completed"})).await.expect(200);
    world.settle().await;
    assert_eq!(names(&mut stream, 3).await, ["packet.claimed", "packet.updated", "packet.completed"]);
    // The clock stands still: only what happened can have woken it.
    world.advance(Duration::from_secs(30)).await;
    let ping = next(&mut stream).await;
    assert_eq!((ping.name.as_str(), &ping.data["type"]), ("ping", &json!("ping")));
    world.end().await;
}

#[tokio::test]
async fn an_answer_and_a_chain_have_names_of_their_own() {
    let world = World::new().await;
    let writer = world.key("writer").await.of_packets();
    let mut stream = EventStream::open(&writer, "", None).await;
    let mut asked = packet("billing-01");
    asked["hitl"] = json!({"reason": "Large sum"});
    let id = made(&writer, &asked).await;
    let answer = json!({"response": "Yes.\nGladly.", "responded_by": "ann"});
    writer.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect(200);
    let child = writer.post(&format!("{PACKETS}/{id}/chain"), &packet("support-01")).await.expect(201).id();
    world.settle().await;
    let first = next(&mut stream).await;
    assert_eq!((first.name.as_str(), &first.data["data"]["status"]), ("packet.created", &json!("awaiting_human")));
    let ready = next(&mut stream).await;
    assert_eq!(
        (ready.name.as_str(), &ready.data["data"]["hitl_response"]),
        ("hitl.response_ready", &json!("Yes.\nGladly."))
    );
    let chained = next(&mut stream).await;
    assert_eq!((chained.name.as_str(), &chained.data["packet_id"]), ("packet.chained", &json!(child)));
    assert_eq!(chained.data["data"]["parent_packet_id"], json!(id));
    world.end().await;
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = made(&agent, &packet("billing-01")).await;
    world.settle().await;
    let created = next(&mut stream).await;
    // The connection drops, and meanwhile things go on.
    drop(stream);
    take(&agent, &id, "billing-01").await.expect(200);
    world.settle().await;
    let mut stream = EventStream::open(&agent, "", Some(&created.id)).await;
    let claimed = next(&mut stream).await;
    assert_eq!(claimed.name, "packet.claimed");
    patch(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    world.settle().await;
    let moved = next(&mut stream).await;
    assert_eq!(moved.name, "packet.in_progress");
    let ids = [&created.id, &claimed.id, &moved.id].map(|id| id.parse::<u64>().unwrap());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    // By the query too, for who can send no header; and from the very beginning.
    drop(stream);
    let mut stream = EventStream::open(&agent, "&last_event_id=0", None).await;
    assert_eq!(names(&mut stream, 3).await, ["packet.created", "packet.claimed", "packet.in_progress"]);
    world.end().await;
}

#[tokio::test]
async fn a_stream_survives_a_kill_of_the_process() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut stream = EventStream::open(&agent, "", None).await;
    let id = made(&agent, &packet("billing-01")).await;
    world.settle().await;
    let created = next(&mut stream).await;
    take(&agent, &id, "billing-01").await.expect(200);
    // Nothing of the claim was worked on yet, or all of it: it is told after the restart either way.
    let world = World::with(world.kill().await).await;
    let agent = world.admin.with_key(agent.key()).of_packets();
    world.settle().await;
    let mut stream = EventStream::open(&agent, "", Some(&created.id)).await;
    assert_eq!(next(&mut stream).await.name, "packet.claimed");
    world.end().await;
}

#[tokio::test]
async fn it_tells_what_was_asked_for_and_nothing_of_others() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let stranger = world.stranger(Role::Agent).await.of_packets();
    let mut to_one = EventStream::open(&agent, "&subscribe=agent:billing-01&subscribe=status:failed", None).await;
    let mut all = EventStream::open(&agent, "", None).await;
    let mut theirs = EventStream::open(&stranger, "", None).await;
    // One after the other: events of two packets are told in the order in which they are noticed.
    let other = made(&agent, &packet("support-01")).await;
    world.settle().await;
    let foreign = made(&stranger, &packet("billing-01")).await;
    let wanted = made(&agent, &packet("billing-01")).await;
    world.settle().await;
    patch(&agent, &other, json!({"status": "failed"})).await.expect(200);
    world.settle().await;
    for (name, id) in [("packet.created", &wanted), ("packet.failed", &other)] {
        let told = next(&mut to_one).await;
        assert_eq!((told.name.as_str(), &told.data["packet_id"]), (name, &json!(id)));
    }
    for id in [&other, &wanted, &other] {
        assert_eq!(next(&mut all).await.data["packet_id"], json!(id));
    }
    assert_eq!(next(&mut theirs).await.data["packet_id"], json!(foreign));
    world.end().await;
}

#[tokio::test]
async fn a_revoked_key_ends_what_it_opened() {
    let world = World::new().await;
    let made_key = world.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = world.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    let mut stream = EventStream::open(&reader, "", None).await;
    world.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    world.advance(Duration::from_secs(10)).await;
    assert!(stream.next().await.is_none(), "the stream ends");
    assert_eq!(EventStream::knock(&reader).await, 403);
    world.end().await;
}

#[tokio::test]
async fn a_tier_has_so_many_connections() {
    let world = World::new().await;
    let free = world.account_of("free@example.com", Tier::Free, Role::Agent).await.of_packets();
    let stream = EventStream::open(&free, "", None).await;
    assert_eq!(EventStream::knock(&free).await, 403);
    drop(stream);
    // The server learns by and by that nobody is at the other end.
    for _ in 0..100 {
        if EventStream::knock(&free).await == 200 {
            world.end().await;
            return;
        }
        world.advance(Duration::from_secs(60)).await;
    }
    panic!("the place of a connection that was closed stays taken");
}
