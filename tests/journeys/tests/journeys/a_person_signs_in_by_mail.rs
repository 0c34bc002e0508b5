//! The holder of an account signs in by a mailed link, once, and looks after the keys.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_kernel::settings::Limits;
use handrail_testkit::{Answer, Client, World, WorldOptions};
use http::Method;
use serde_json::{Value, json};

/// Who holds the account of a Handrail on one machine.
const HOLDER: &str = "you@example.com";

async fn link(world: &mut World, email: &str) -> String {
    let visitor = world.admin.without_key();
    visitor.post("/auth/login", &json!({"email": email})).await.expect(202);
    let mail = world.expect_mail(email).await;
    mail.links[0].clone()
}

async fn enter(visitor: &Client, link: &str) -> Answer {
    visitor.send(Method::POST, link, &[("accept", "application/json")], Vec::new()).await
}

async fn session(world: &mut World, email: &str) -> Client {
    let link = link(world, email).await;
    let entered = enter(&world.admin.without_key(), &link).await.expect(200);
    world.admin.with_key(entered.json["session_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_browser_signs_in_makes_a_key_and_signs_out() {
    let mut world = World::new().await;
    let browser = world.admin.without_key();
    let asks = browser.get("/account").await.expect(401);
    assert!(asks.text.contains("action=\"auth/login\""));
    let sent = browser.post_form("/auth/login", &[("email", HOLDER)]).await.expect(202);
    assert!(sent.text.contains("Look into your mailbox"));
    let link = world.expect_mail(HOLDER).await.links[0].clone();
    for _ in 0..3 {
        assert!(browser.get(&link).await.expect(200).text.contains(HOLDER));
    }
    let origin = world.running.origin.clone();
    let own = [("origin", origin.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let entered = browser.send(Method::POST, &link, &own, Vec::new()).await.expect(303);
    assert_eq!(entered.header("location"), "../../account");
    let cookie = entered.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(!entered.header("set-cookie").contains("Secure"), "a laptop has no TLS");

    let by_cookie = [("cookie", cookie.as_str())];
    let page = browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(200);
    assert!(page.text.contains("local admin") && page.text.contains(HOLDER));
    assert!(!page.text.contains(world.admin.key()));
    let own = [&own[..], &by_cookie[..]].concat();
    let made = browser.send(Method::POST, "/account/keys", &own, b"name=from+the+page&role=agent".to_vec()).await;
    let made = made.expect(201);
    let secret = made.text.split("ho_live_").nth(1).unwrap().split('<').next().unwrap();
    let agent = world.admin.with_key(&format!("ho_live_{secret}"));
    world.asked_by(&agent).await;
    let page = browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(200);
    assert!(page.text.contains("from the page") && page.text.contains("1 this month") && !page.text.contains(secret));

    browser.send(Method::POST, "/auth/logout", &own, Vec::new()).await.expect(303);
    browser.send(Method::GET, "/account", &by_cookie, Vec::new()).await.expect(401);
    world.end().await;
}

#[tokio::test]
async fn a_command_line_looks_after_keys_with_a_session() {
    let mut world = World::new().await;
    let person = session(&mut world, HOLDER).await;
    let me = person.get("/auth/me").await.expect(200).json;
    assert_eq!(
        (&me["user"]["email"], &me["user"]["name"], &me["tier"]),
        (&json!(HOLDER), &json!("You"), &json!("enterprise"))
    );
    let made = person.post("/auth/api-keys", &json!({"name": "by hand"})).await.expect(201).json;
    let path = format!("/auth/api-keys/{}", made["id"].as_str().unwrap());
    let change = json!({"name": "by hand, changed"}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    person.send(Method::PUT, &path, &headers, change).await.expect(200);
    assert_eq!(person.get(&path).await.expect(200).json["name"], "by hand, changed");
    person.delete(&path).await.expect(200);
    assert_eq!(person.get("/auth/api-keys").await.expect(200).json["api_keys"].as_array().unwrap().len(), 2);
    // A session asks for nothing and answers nothing.
    person.post("/decisions", &world.ask()).await.expect_error(401, "INVALID_KEY");
    person.get("/decisions").await.expect_error(401, "INVALID_KEY");
    world.advance(Duration::from_hours(12)).await;
    person.get("/auth/me").await.expect_error(401, "INVALID_SESSION");
    world.end().await;
}

#[tokio::test]
async fn a_link_works_once_and_for_a_quarter_of_an_hour() {
    let mut world = World::new().await;
    let visitor = world.admin.without_key();
    let used = link(&mut world, HOLDER).await;
    enter(&visitor, &used).await.expect(200);
    enter(&visitor, &used).await.expect_error(410, "LINK_USED");
    visitor.get(&used).await.expect(410);
    let old = link(&mut world, HOLDER).await;
    let young = link(&mut world, HOLDER).await;
    world.advance_without_working(Duration::from_mins(15) - Duration::from_millis(1));
    enter(&visitor, &young).await.expect(200);
    world.advance(Duration::from_millis(1)).await;
    enter(&visitor, &old).await.expect_error(410, "EXPIRED");
    world.end().await;
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let mut world = World::new().await;
    let visitor = world.admin.without_key();
    let unknown = visitor.post("/auth/login", &json!({"email": "nobody@example.com"})).await.expect(202);
    world.expect_silence().await;
    let known = visitor.post("/auth/login", &json!({"email": HOLDER})).await.expect(202);
    assert_eq!(known.text, unknown.text);
    world.expect_mail(HOLDER).await;
    world.end().await;
}

#[tokio::test]
async fn a_session_reaches_its_own_account_alone() {
    let mut world = World::new().await;
    world.account_of("holder@example.org", Tier::Pro, Role::Admin).await;
    let stranger = session(&mut world, "holder@example.org").await;
    let me = stranger.get("/auth/me").await.expect(200).json;
    assert_eq!((&me["tier"], me["api_keys"].as_array().unwrap().len()), (&json!("pro"), 1));
    let theirs = world.admin.get("/auth/me").await.expect(200).json["api_keys"][0]["id"].as_str().unwrap().to_owned();
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let headers = [("content-type", "application/json")];
        let path = format!("/auth/api-keys/{theirs}");
        stranger.send(method, &path, &headers, b"{}".to_vec()).await.expect_error(404, "NOT_FOUND");
    }
    world.admin.get("/auth/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_forwarded_address_buys_nobody_another_budget() {
    let limits = Some(Limits::PUBLISHED);
    let world = World::with(WorldOptions { limits, ..WorldOptions::default() }).await;
    let visitor = world.admin.without_key();
    let ask = |at: usize| {
        let (visitor, email) = (visitor.clone(), format!("nobody{at}@example.com"));
        async move {
            let forwarded = format!("198.51.100.{at}");
            let headers = [("x-forwarded-for", forwarded.as_str())];
            visitor.post_with("/auth/login", &headers, &json!({"email": email})).await
        }
    };
    for at in 0..10 {
        ask(at).await.expect(202);
    }
    let refused = ask(10).await.expect_error(429, "RATE_LIMIT");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    world.advance(Duration::from_secs(wait)).await;
    ask(11).await.expect(202);
    world.end().await;
}

#[tokio::test]
async fn an_approvers_page_is_opened_thirty_times_a_minute_from_one_address() {
    let limits = Some(Limits::PUBLISHED);
    let mut world = World::with(WorldOptions { limits, ..WorldOptions::default() }).await;
    let agent = world.key("agent").await;
    let (_, page) = world.asked_by(&agent).await;
    let visitor = world.admin.without_key();
    for _ in 0..30 {
        visitor.get(&page).await.expect(200);
    }
    let refused = visitor.get(&page).await.expect(429);
    assert!(!refused.header("retry-after").is_empty());
    // The answer is not held back by looking too often.
    visitor.post_form(&page, &[("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn ten_keys_an_hour_by_key_and_by_session_together() {
    let limits = Some(Limits::PUBLISHED);
    let mut world = World::with(WorldOptions { limits, ..WorldOptions::default() }).await;
    let person = session(&mut world, HOLDER).await;
    let wanted: Value = json!({"name": "one of many"});
    for _ in 0..5 {
        person.post("/auth/api-keys", &wanted).await.expect(201);
        world.admin.post("/auth/api-keys", &wanted).await.expect(201);
    }
    for who in [&person, &world.admin] {
        let refused = who.post("/auth/api-keys", &wanted).await.expect_error(429, "RATE_LIMIT");
        assert!((1..=3600).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    }
    world.advance(Duration::from_hours(1)).await;
    person.post("/auth/api-keys", &wanted).await.expect(201);
    world.end().await;
}
