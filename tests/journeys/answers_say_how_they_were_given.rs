//! Every answer says how it was given, wherever it is told: in the decision, its callback, the packet, its history.

use handrail_testkit::TestServer;
use serde_json::{Value, json};

use crate::packets::{PACKETS, create_packet, get_packet, packet_body};

/// Members of an object that say how the answer was given.
fn origin_of(object: &Value) -> Value {
    let names = ["resolved_via", "resolved_with_key", "resolved_with_key_name", "answered_by_asker"];
    names.iter().filter_map(|name| Some(((*name).to_owned(), object.get(*name)?.clone()))).collect()
}

#[tokio::test]
async fn decision_and_callback_say_how_it_was_answered() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let app_id = app.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].clone();
    let (id, page) = server.create_decision(&agent).await;
    server.admin.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    let by_link = json!({"resolved_via": "mail_link"});
    assert_eq!(origin_of(&server.decision(&id).await), by_link);
    assert_eq!(origin_of(&server.expect_webhook("decision.resolved").await.json()["decision"]), by_link);

    let by_app =
        json!({"resolved_via": "api", "resolved_with_key": app_id, "resolved_with_key_name": "app of the test"});
    let mut by_asker = by_app.clone();
    by_asker["answered_by_asker"] = true.into();
    for (asker, expected) in [(&agent, by_app), (&app, by_asker)] {
        let (id, page) = server.create_decision(asker).await;
        let answer = json!({"action": "deny", "resolved_by": "Tom"});
        let answered = app.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200).json;
        assert_eq!(origin_of(&answered), expected);
        assert_eq!(origin_of(&server.decision(&id).await), expected);
        assert_eq!(origin_of(&server.expect_webhook("decision.resolved").await.json()["decision"]), expected);
        let late = server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
        assert_eq!(origin_of(&late.expect_error(409, "ALREADY_RESOLVED").json), expected);
        // The page shows the name as what the program says.
        let shown = server.admin.without_key().get(&page).await.expect(200).text;
        assert!(shown.contains("<bdi>Tom</bdi>, as the program that sent the answer says"), "{shown}");
        assert_eq!(shown.contains("which is the key that asked"), expected.get("answered_by_asker").is_some());
    }
    server.finish().await;
}

#[tokio::test]
async fn checkpoint_says_how_it_was_answered() {
    let mut server = TestServer::new().await;
    let client = server.admin.of_packets();
    let hook = json!({"url": server.receiver.url, "events": ["hitl.response_ready"], "secret": "sixteen letters!"});
    client.post("/api/v1/hooks", &hook).await.expect(201);
    for by_link in [true, false] {
        let mut body = packet_body("billing-01");
        body["hitl"] = json!({"reason": "Above the limit", "question": "Refund it?", "approver": "ann@example.com"});
        let id = create_packet(&client, &body).await;
        let page = server.expect_mail("ann@example.com").await.links[0].clone();
        if by_link {
            let form = [("choice", "approve"), ("text-0", "yes")];
            server.admin.without_key().post_form(&page, &form).await.expect(303);
        } else {
            let answer = json!({"response": "yes", "responded_by": "Tom"});
            client.post(&format!("{PACKETS}/{id}/respond"), &answer).await.expect(200);
            let shown = server.admin.without_key().get(&page).await.expect(200).text;
            assert!(shown.contains("<bdi>Tom</bdi>, as the program that sent the answer says"), "{shown}");
        }
        let expected = origin_of(&get_packet(&client, &id).await["hitl"]);
        let via = if by_link { "mail_link" } else { "api" };
        assert_eq!((&expected["resolved_via"], expected.get("answered_by_asker").is_some()), (&json!(via), !by_link));
        server.run_due_work().await;
        let history = client.get(&format!("{PACKETS}/{id}/history")).await.expect(200).json;
        assert_eq!(origin_of(&history["events"][1]["details"]), expected);
        let audit = client.get(&format!("/api/v1/audit?packet_id={id}&action=hitl_responded")).await.expect(200).json;
        assert_eq!(origin_of(&audit["entries"][0]["details"]), expected);
        let call = server.expect_webhook("hitl.response_ready").await;
        assert_eq!(origin_of(&call.json()["details"]), expected);
    }
    server.finish().await;
}
