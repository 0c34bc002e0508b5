//! An admin creates API keys; each secret is shown once, never listed, and works with its settings.

use handrail_testkit::TestServer;
use serde_json::{Value, json};

fn ids(me: &Value) -> Vec<String> {
    me["api_keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn created_key_is_shown_once_and_works() {
    let server = TestServer::new().await;
    let new_key = json!({
        "name": "refunds <b>", "role": "app", "approvers": ["ann@example.com", "bob@example.com"],
        "backup_approver": "tom@example.com", "requests_per_minute": 90,
    });
    let created = server.admin.post("/auth/api-keys", &new_key).await.expect(201).json;
    for name in ["name", "role", "approvers", "backup_approver", "requests_per_minute"] {
        assert_eq!(created[name], new_key[name]);
    }
    let secret = created["key"].as_str().unwrap();
    assert!(secret.starts_with("ho_live_") && secret.starts_with(created["prefix"].as_str().unwrap()));
    assert_eq!((&created["is_active"], &created["created_at"]), (&json!(true), &json!(server.now().to_string())));

    let me = server.admin.with_key(secret).get("/auth/me").await.expect(200);
    assert!(!me.text.contains(secret));
    let mut listed = me.json["api_keys"][0].clone();
    listed["key"] = secret.into();
    assert_eq!(listed, created);
    server.finish().await;
}

#[tokio::test]
async fn omitted_key_fields_have_defaults() {
    let server = TestServer::new().await;
    let created = server
        .admin
        .post("/auth/api-keys", &json!({"name": "plain", "role": null, "unknown": 1}))
        .await
        .expect(201)
        .json;
    assert_eq!(
        (&created["role"], &created["approvers"], &created["backup_approver"]),
        (&json!("agent"), &json!([]), &json!(null))
    );
    assert_eq!(created["requests_per_minute"], 600);
    server.finish().await;
}

#[tokio::test]
async fn key_lists_itself_and_admin_lists_all() {
    let server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (agents, apps) = (agent.get("/auth/me").await.expect(200).json, app.get("/auth/me").await.expect(200).json);
    let all = server.admin.get("/auth/me").await.expect(200);
    assert_eq!((ids(&agents).len(), ids(&apps).len(), ids(&all.json).len()), (1, 1, 3));
    assert!(ids(&all.json).contains(&ids(&agents)[0]) && ids(&all.json).contains(&ids(&apps)[0]));
    assert_eq!(agents["user"], all.json["user"]);
    for key in [&agent, &app, &server.admin] {
        assert!(!all.text.contains(key.key()));
    }
    let mut secrets: Vec<&str> =
        all.json["api_keys"].as_array().unwrap().iter().map(|key| key["webhook_secret"].as_str().unwrap()).collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 3);
    server.finish().await;
}
