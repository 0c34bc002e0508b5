//! An account sees only its own packets, and a role only does what it may.

use handrail_domain::access::Role;
use handrail_testkit::World;
use serde_json::json;

use crate::packets::{PACKETS, claim, ids, made, packet, patch, seen, take};

#[tokio::test]
async fn a_strangers_packet_is_like_none() {
    let world = World::new().await;
    let own = world.key("admin").await.of_packets();
    let stranger = world.stranger(Role::Admin).await.of_packets();
    let mut asks = packet("billing-01");
    asks["hitl"] = json!({"reason": "Large sum", "required": false});
    let id = made(&own, &asks).await;
    let nothing = "018f0000-0000-7000-8000-000000000000";
    for id in [id.as_str(), nothing] {
        let at = format!("{PACKETS}/{id}");
        let answer = json!({"response": "yes", "responded_by": "ann"});
        for refused in [
            stranger.get(&at).await,
            stranger.get(&format!("{at}/history")).await,
            take(&stranger, id, "thief").await,
            patch(&stranger, id, json!({"status": "failed"})).await,
            stranger.delete(&at).await,
            stranger.post(&format!("{at}/respond"), &answer).await,
            stranger.post(&format!("{at}/chain"), &packet("x")).await,
        ] {
            assert_eq!(refused.expect_detail(404).json, json!({"detail": format!("Packet {id} not found")}));
        }
        let mut batch = claim("thief");
        batch["packet_ids"] = json!([id]);
        let claimed = stranger.post(&format!("{PACKETS}/batch/claim"), &batch).await.expect(200).json;
        assert_eq!(claimed["errors"], json!([{"packet_id": id, "error": format!("Packet {id} not found")}]));
    }
    for list in ["", "/awaiting", "/search?q=upgrade", "?target_agent=billing-01", "?status=created"] {
        let page = stranger.get(&format!("{PACKETS}{list}")).await.expect(200).json;
        assert_eq!((ids(&page).len(), &page["total"]), (0, &json!(0)), "{list}");
    }
    assert_eq!(seen(&own, &id).await["status"], "created");
    world.end().await;
}

#[tokio::test]
async fn a_reader_reads_and_nothing_else() {
    let world = World::new().await;
    let (writer, reader) = (world.key("writer").await.of_packets(), world.key("reader").await.of_packets());
    let id = made(&writer, &packet("billing-01")).await;
    for path in ["", "/awaiting", "/search?q=upgrade", &format!("/{id}"), &format!("/{id}/history")] {
        reader.get(&format!("{PACKETS}{path}")).await.expect(200);
    }
    reader.post(PACKETS, &packet("x")).await.expect_detail(403);
    take(&reader, &id, "x").await.expect_detail(403);
    patch(&reader, &id, json!({"status": "failed"})).await.expect_detail(403);
    reader.delete(&format!("{PACKETS}/{id}")).await.expect_detail(403);
    assert_eq!(seen(&writer, &id).await["status"], "created");
    world.end().await;
}
