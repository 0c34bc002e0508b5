//! An admin makes keys; each is shown once, listed without itself, and works as it was made.

use handrail_testkit::World;
use serde_json::{Value, json};

fn ids(me: &Value) -> Vec<String> {
    me["api_keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_key_is_shown_once_and_works_as_it_was_made() {
    let world = World::new().await;
    let asked = json!({
        "name": "refunds <b>", "role": "app", "approvers": ["ann@example.com", "bob@example.com"],
        "backup_approver": "tom@example.com", "requests_per_minute": 90,
    });
    let made = world.admin.post("/auth/api-keys", &asked).await.expect(201).json;
    for name in ["name", "role", "approvers", "backup_approver", "requests_per_minute"] {
        assert_eq!(made[name], asked[name]);
    }
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("ho_live_") && secret.starts_with(made["prefix"].as_str().unwrap()));
    assert_eq!((&made["is_active"], &made["created_at"]), (&json!(true), &json!(world.now().to_string())));

    let me = world.admin.with_key(secret).get("/auth/me").await.expect(200);
    assert!(!me.text.contains(secret));
    let mut listed = me.json["api_keys"][0].clone();
    listed["key"] = secret.into();
    assert_eq!(listed, made);
    world.end().await;
}

#[tokio::test]
async fn what_is_left_out_has_a_default() {
    let world = World::new().await;
    let made = world
        .admin
        .post("/auth/api-keys", &json!({"name": "plain", "role": null, "unknown": 1}))
        .await
        .expect(201)
        .json;
    assert_eq!(
        (&made["role"], &made["approvers"], &made["backup_approver"]),
        (&json!("agent"), &json!([]), &json!(null))
    );
    assert_eq!(made["requests_per_minute"], 600);
    world.end().await;
}

#[tokio::test]
async fn a_key_sees_itself_and_an_admin_sees_all() {
    let world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (agents, apps) = (agent.get("/auth/me").await.expect(200).json, app.get("/auth/me").await.expect(200).json);
    let all = world.admin.get("/auth/me").await.expect(200);
    assert_eq!((ids(&agents).len(), ids(&apps).len(), ids(&all.json).len()), (1, 1, 3));
    assert!(ids(&all.json).contains(&ids(&agents)[0]) && ids(&all.json).contains(&ids(&apps)[0]));
    assert_eq!(agents["user"], all.json["user"]);
    for key in [&agent, &app, &world.admin] {
        assert!(!all.text.contains(key.key()));
    }
    let mut secrets: Vec<&str> =
        all.json["api_keys"].as_array().unwrap().iter().map(|key| key["webhook_secret"].as_str().unwrap()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 3);
    world.end().await;
}
