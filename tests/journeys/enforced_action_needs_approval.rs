//! With `enforce`, the decision says whether the action may be done; without it, that field is absent.

use std::time::Duration;

use handrail_testkit::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn enforced_action_needs_approval() {
    let server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for (action, status, permitted) in
        [("approve", "approved", true), ("modify", "modified", true), ("deny", "denied", false), ("", "expired", false)]
    {
        let body = json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "enforce": true,
            "callback_url": server.receiver.url});
        let path = format!("/decisions/{}", agent.post("/decisions", &body).await.expect(201).id());
        assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], false);
        if action.is_empty() {
            server.advance(Duration::from_hours(1)).await;
        } else {
            let resolved = app.post(&format!("{path}/resolve"), &json!({"action": action})).await.expect(200);
            assert_eq!(resolved.json["action_permitted"], permitted);
        }
        let seen = agent.get(&path).await.expect(200).json;
        assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!(status), &json!(permitted)));
    }
    let body = json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "callback_url": server.receiver.url});
    let plain = agent.post("/decisions", &body).await.expect(201).id();
    assert_eq!(
        agent.get(&format!("/decisions/{plain}")).await.expect(200).json.get("action_permitted"),
        None::<&Value>
    );
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 9);
    server.finish().await;
}
