//! Packets of other tenants are hidden, and roles limit operations.

use handrail_domain::access::Role;
use handrail_testkit::TestServer;
use serde_json::json;

use crate::packets::{PACKETS, claim_body, claim_packet, create_packet, get_packet, ids, packet_body, patch_packet};

#[tokio::test]
async fn packet_of_other_tenant_is_not_found() {
    let server = TestServer::new().await;
    let own = server.key("admin").await.of_packets();
    let stranger = server.other_tenant(Role::Admin).await.of_packets();
    let mut asks = packet_body("billing-01");
    asks["hitl"] = json!({"reason": "Large sum", "required": false});
    let id = create_packet(&own, &asks).await;
    let nothing = "018f0000-0000-7000-8000-000000000000";
    for id in [id.as_str(), nothing] {
        let at = format!("{PACKETS}/{id}");
        let answer = json!({"response": "yes", "responded_by": "ann"});
        for refused in [
            stranger.get(&at).await,
            stranger.get(&format!("{at}/history")).await,
            claim_packet(&stranger, id, "thief").await,
            patch_packet(&stranger, id, json!({"status": "failed"})).await,
            stranger.delete(&at).await,
            stranger.post(&format!("{at}/respond"), &answer).await,
            stranger.post(&format!("{at}/chain"), &packet_body("x")).await,
        ] {
            assert_eq!(refused.expect_detail(404).json, json!({"detail": format!("Packet {id} not found")}));
        }
        let mut batch = claim_body("thief");
        batch["packet_ids"] = json!([id]);
        let claimed = stranger.post(&format!("{PACKETS}/batch/claim"), &batch).await.expect(200).json;
        assert_eq!(claimed["errors"], json!([{"packet_id": id, "error": format!("Packet {id} not found")}]));
    }
    for list in ["", "/awaiting", "/search?q=upgrade", "?target_agent=billing-01", "?status=created"] {
        let page = stranger.get(&format!("{PACKETS}{list}")).await.expect(200).json;
        assert_eq!((ids(&page).len(), &page["total"]), (0, &json!(0)), "{list}");
    }
    assert_eq!(get_packet(&own, &id).await["status"], "created");
    server.finish().await;
}

#[tokio::test]
async fn agent_key_claims_and_works_but_creates_nothing() {
    let server = TestServer::new().await;
    let (writer, agent) = (server.key("writer").await.of_packets(), server.key("agent").await.of_packets());
    let id = create_packet(&writer, &packet_body("billing-01")).await;
    let refusal = "Insufficient permissions. Required role: writer, current role: agent";
    let refused = [
        agent.post(PACKETS, &packet_body("x")).await,
        agent.post(&format!("{PACKETS}/{id}/chain"), &packet_body("x")).await,
        agent.post(&format!("{PACKETS}/batch"), &json!({"packets": [packet_body("x")]})).await,
        agent.post(&format!("{PACKETS}/batch/complete"), &json!({"packet_ids": [id]})).await,
        agent.delete(&format!("{PACKETS}/{id}")).await,
    ];
    for response in refused {
        assert_eq!(response.expect_detail(403).json["detail"], refusal);
    }
    let batch = json!({"packet_ids": [id], "agent_id": "billing-01", "agent_name": "Billing"});
    let claimed = agent.post(&format!("{PACKETS}/batch/claim"), &batch).await.expect(200).json;
    assert_eq!(claimed["errors"], json!([]));
    patch_packet(&agent, &id, json!({"status": "completed"})).await.expect(200);
    assert_eq!(agent.get(PACKETS).await.expect(200).json["total"], 1);
    server.finish().await;
}

#[tokio::test]
async fn reader_key_can_only_read() {
    let server = TestServer::new().await;
    let (writer, reader) = (server.key("writer").await.of_packets(), server.key("reader").await.of_packets());
    let id = create_packet(&writer, &packet_body("billing-01")).await;
    for path in ["", "/awaiting", "/search?q=upgrade", &format!("/{id}"), &format!("/{id}/history")] {
        reader.get(&format!("{PACKETS}{path}")).await.expect(200);
    }
    reader.post(PACKETS, &packet_body("x")).await.expect_detail(403);
    claim_packet(&reader, &id, "x").await.expect_detail(403);
    patch_packet(&reader, &id, json!({"status": "failed"})).await.expect_detail(403);
    reader.delete(&format!("{PACKETS}/{id}")).await.expect_detail(403);
    assert_eq!(get_packet(&writer, &id).await["status"], "created");
    server.finish().await;
}
