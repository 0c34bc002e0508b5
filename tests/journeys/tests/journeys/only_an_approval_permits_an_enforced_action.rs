//! With `enforce`, the decision says whether the action may be done; without it, that field is absent.

use std::time::Duration;

use handrail_testkit::World;
use serde_json::{Value, json};

#[tokio::test]
async fn only_an_approval_permits_an_enforced_action() {
    let world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for (action, status, permitted) in
        [("approve", "approved", true), ("modify", "modified", true), ("deny", "denied", false), ("", "expired", false)]
    {
        let ask = json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "enforce": true,
            "callback_url": world.receiver.url});
        let path = format!("/decisions/{}", agent.post("/decisions", &ask).await.expect(201).id());
        assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], false);
        if action.is_empty() {
            world.advance(Duration::from_hours(1)).await;
        } else {
            let resolved = app.post(&format!("{path}/resolve"), &json!({"action": action})).await.expect(200);
            assert_eq!(resolved.json["action_permitted"], permitted);
        }
        let seen = agent.get(&path).await.expect(200).json;
        assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!(status), &json!(permitted)));
    }
    let ask =
        json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "callback_url": world.receiver.url});
    let plain = agent.post("/decisions", &ask).await.expect(201).id();
    assert_eq!(
        agent.get(&format!("/decisions/{plain}")).await.expect(200).json.get("action_permitted"),
        None::<&Value>
    );
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 9);
    world.end().await;
}
