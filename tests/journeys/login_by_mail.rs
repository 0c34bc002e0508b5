//! The owner of a tenant signs in by a mailed one-time link and manages the keys.

use std::time::Duration;

use handrail_context::settings::PublicRateLimits;
use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_testkit::{Client, TestResponse, TestServer, TestServerOptions};
use http::Method;
use serde_json::{Value, json};

/// Email address of the owner in a local installation.
const OWNER: &str = "you@example.com";

async fn request_login_link(server: &mut TestServer, email: &str) -> String {
    let visitor = server.admin.without_key();
    visitor.post("/auth/login", &json!({"email": email})).await.expect(202);
    let mail = server.expect_mail(email).await;
    mail.links[0].clone()
}

async fn open_login_link(visitor: &Client, link: &str) -> TestResponse {
    visitor.send(Method::POST, link, &[("accept", "application/json")], Vec::new()).await
}

async fn create_session(server: &mut TestServer, email: &str) -> Client {
    let link = request_login_link(server, email).await;
    let entered = open_login_link(&server.admin.without_key(), &link).await.expect(200);
    server.admin.with_key(entered.json["session_token"].as_str().unwrap())
}

#[tokio::test]
async fn browser_signs_in_creates_key_signs_out() {
    let mut server = TestServer::new().await;
    let browser = server.admin.without_key();
    let asks = browser.get("/account").await.expect(401);
    assert!(asks.text.contains("action=\"auth/login\""));
    let sent = browser.post_form("/auth/login", &[("email", OWNER)]).await.expect(202);
    assert!(sent.text.contains("Look into your mailbox"));
    let link = server.expect_mail(OWNER).await.links[0].clone();
    for _ in 0..3 {
        assert!(browser.get(&link).await.expect(200).text.contains(OWNER));
    }
    let origin = server.running.origin.clone();
    let own = [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let entered = browser.send(Method::POST, &link, &own, Vec::new()).await.expect(303);
    assert_eq!(entered.header("location"), "../../account");
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(!entered.header("set-cookie").contains("Secure"), "a laptop has no TLS");

    let by_cookie = [("cookie", cookie.as_str())];
    let page = browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(200);
    assert!(page.text.contains("local admin") && page.text.contains(OWNER));
    assert!(!page.text.contains(server.admin.key()));
    let own = [&own[..], &by_cookie[..]].concat();
    let form = b"name=from+the+page&role=agent&approvers=ann%40example.com%2C+*%40example.org".to_vec();
    let created = browser.send(Method::POST, "/account/keys", &own, form).await;
    let created = created.expect(201);
    let secret = created.text.split("ho_live_").nth(1).unwrap().split('<').next().unwrap();
    let agent = server.admin.with_key(&format!("ho_live_{secret}"));
    server.create_decision(&agent).await;
    let page = browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(200);
    assert!(page.text.contains("may ask ann@example.com, *@example.org"), "{}", page.text);
    assert!(page.text.contains("from the page") && page.text.contains("1 this month") && !page.text.contains(secret));

    browser.send(Method::POST, "/auth/logout", &own, Vec::new()).await.expect(303);
    browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(401);
    server.finish().await;
}

#[tokio::test]
async fn session_token_manages_keys() {
    let mut server = TestServer::new().await;
    let person = create_session(&mut server, OWNER).await;
    let me = person.get("/auth/me").await.expect(200).json;
    assert_eq!(
        (&me["user"]["email"], &me["user"]["name"], &me["tier"]),
        (&json!(OWNER), &json!("You"), &json!("enterprise"))
    );
    let created = person.post("/auth/api-keys", &json!({"name": "by hand"})).await.expect(201).json;
    let path = format!("/auth/api-keys/{}", created["id"].as_str().unwrap());
    let change = json!({"name": "by hand, changed"}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    person.send(Method::PUT, &path, &headers, change).await.expect(200);
    assert_eq!(person.get(&path).await.expect(200).json["name"], "by hand, changed");
    person.delete(&path).await.expect(200);
    assert_eq!(person.get("/auth/api-keys").await.expect(200).json["api_keys"].as_array().unwrap().len(), 2);
    // A session may neither create nor answer decisions.
    person.post("/decisions", &server.decision_body()).await.expect_error(401, "INVALID_KEY");
    person.get("/decisions").await.expect_error(401, "INVALID_KEY");
    server.advance(Duration::from_hours(12)).await;
    person.get("/auth/me").await.expect_error(401, "INVALID_SESSION");
    server.finish().await;
}

#[tokio::test]
async fn login_link_works_once_for_15_minutes() {
    let mut server = TestServer::new().await;
    let visitor = server.admin.without_key();
    let used = request_login_link(&mut server, OWNER).await;
    open_login_link(&visitor, &used).await.expect(200);
    open_login_link(&visitor, &used).await.expect_error(410, "LINK_USED");
    visitor.get(&used).await.expect(410);
    let old = request_login_link(&mut server, OWNER).await;
    let young = request_login_link(&mut server, OWNER).await;
    server.advance_clock_only(Duration::from_mins(15) - Duration::from_millis(1));
    open_login_link(&visitor, &young).await.expect(200);
    server.advance(Duration::from_millis(1)).await;
    open_login_link(&visitor, &old).await.expect_error(410, "EXPIRED");
    server.finish().await;
}

#[tokio::test]
async fn login_does_not_reveal_account_existence() {
    let mut server = TestServer::new().await;
    let visitor = server.admin.without_key();
    let unknown = visitor.post("/auth/login", &json!({"email": "nobody@example.com"})).await.expect(202);
    server.expect_no_messages().await;
    let known = visitor.post("/auth/login", &json!({"email": OWNER})).await.expect(202);
    assert_eq!(known.text, unknown.text);
    server.expect_mail(OWNER).await;
    server.finish().await;
}

#[tokio::test]
async fn session_reaches_only_its_own_tenant() {
    let mut server = TestServer::new().await;
    server.client_of_tenant("holder@example.org", Tier::Pro, Role::Admin).await;
    let stranger = create_session(&mut server, "holder@example.org").await;
    let me = stranger.get("/auth/me").await.expect(200).json;
    assert_eq!((&me["tier"], me["api_keys"].as_array().unwrap().len()), (&json!("pro"), 1));
    let theirs = server.admin.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let headers = [("content-type", "application/json")];
        let path = format!("/auth/api-keys/{theirs}");
        stranger.send(method, &path, &headers, b"{}".to_vec()).await.expect_error(404, "NOT_FOUND");
    }
    server.admin.get("/auth/me").await.expect(200);
    server.finish().await;
}

#[tokio::test]
async fn forwarded_address_does_not_reset_rate_limit() {
    let limits = Some(PublicRateLimits::PRODUCTION);
    let server = TestServer::with(TestServerOptions { limits, ..TestServerOptions::default() }).await;
    let visitor = server.admin.without_key();
    let request_login = |at: usize| {
        let (visitor, email) = (visitor.clone(), format!("nobody{at}@example.com"));
        async move {
            let forwarded = format!("198.51.100.{at}");
            let headers = [("x-forwarded-for", forwarded.as_str())];
            visitor.post_with("/auth/login", &headers, &json!({"email": email})).await
        }
    };
    for at in 0..10 {
        request_login(at).await.expect(202);
    }
    let refused = request_login(10).await.expect_error(429, "RATE_LIMIT");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    server.advance(Duration::from_secs(wait)).await;
    request_login(11).await.expect(202);
    server.finish().await;
}

#[tokio::test]
async fn approval_page_views_are_rate_limited_per_address() {
    let limits = Some(PublicRateLimits::PRODUCTION);
    let mut server = TestServer::with(TestServerOptions { limits, ..TestServerOptions::default() }).await;
    let agent = server.key("agent").await;
    let (_, page) = server.create_decision(&agent).await;
    let visitor = server.admin.without_key();
    for _ in 0..30 {
        visitor.get(&page).await.expect(200);
    }
    let refused = visitor.get(&page).await.expect(429);
    assert!(!refused.header("retry-after").is_empty());
    // The limit of page views does not block the answer.
    visitor.post_form(&page, &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn key_creation_limit_counts_keys_and_sessions() {
    let limits = Some(PublicRateLimits::PRODUCTION);
    let mut server = TestServer::with(TestServerOptions { limits, ..TestServerOptions::default() }).await;
    let person = create_session(&mut server, OWNER).await;
    let wanted: Value = json!({"name": "one of many"});
    for _ in 0..5 {
        person.post("/auth/api-keys", &wanted).await.expect(201);
        server.admin.post("/auth/api-keys", &wanted).await.expect(201);
    }
    for who in [&person, &server.admin] {
        let refused = who.post("/auth/api-keys", &wanted).await.expect_error(429, "RATE_LIMIT");
        assert!((1..=3600).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    }
    server.advance(Duration::from_hours(1)).await;
    person.post("/auth/api-keys", &wanted).await.expect(201);
    server.finish().await;
}
