//! Signing in and the account's pages, through each operation's own router.

use handrail_domain::account::Tier;
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::login::{LOGIN_LIVES_MS, Login, Standing, tenant};
use handrail_kernel::door::Door;
use handrail_kernel::link::LoginLink;
use handrail_kernel::master::hash_of_key;
use handrail_kernel::session::SESSION_LIVES_MS;
use handrail_kernel::store::HeadKey;
use serde_json::{Value, json};

use super::{LoginDoor, key_create, key_revoke, login_request, login_show, login_use, logout, show};
use crate::testing::{ADMIN, AGENT, Answer, Desk, NOON, ann};

const COOKIE: &str = "__Host-handrail-session";

/// The one login that was requested, and the mail that follows from it if any does.
async fn mailed(desk: &Desk) -> (RecordId, Option<handrail_kernel::door::Mail>) {
    let logins = desk.cx.store.list::<Login>(tenant(), None, None, 10).await.unwrap().records;
    let id = logins.first().expect("a login was requested").id;
    let key = HeadKey { tenant: tenant(), id };
    (id, LoginDoor.mail(&desk.cx, key, 1, Purpose::SignIn).await.unwrap())
}

/// The path in the mail to the account's holder.
async fn link(desk: &Desk) -> String {
    let asked = json!({"email": "You@Example.com"});
    let answer = desk.call(login_request::ENDPOINT, "/auth/login", "", asked).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.text);
    let mail = mailed(desk).await.1.expect("the holder gets a mail");
    let origin = desk.cx.origin().unwrap();
    let line = mail.text.lines().find(|line| line.starts_with(origin)).expect("the mail has a link");
    line.trim_start_matches(origin).to_owned()
}

async fn signed_in(desk: &Desk) -> String {
    let answer = desk.visit(login_use::ENDPOINT, &link(desk).await, &[("sec-fetch-site", "same-origin")], "").await;
    assert_eq!((answer.status.as_u16(), &answer.headers["location"]), (303, &"../../account".parse().unwrap()));
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in [" Secure;", " HttpOnly;", " SameSite=Lax", " Path=/;"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

/// From a page of ours.
async fn post(
    desk: &Desk,
    endpoint: handrail_kernel::endpoint::Endpoint,
    path: &str,
    cookie: &str,
    form: &str,
) -> Answer {
    desk.visit(endpoint, path, &[("cookie", cookie), ("sec-fetch-site", "same-origin")], form).await
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_not_told() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let known = desk.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "you@example.com"})).await;
    let unknown = Desk::new().await;
    let other = unknown.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "you@example.com"})).await;
    assert_eq!((known.status, &known.text), (other.status, &other.text));
    assert!(mailed(&desk).await.1.is_some());
    assert!(mailed(&unknown).await.1.is_none());
    for body in [json!({}), json!({"email": "nobody"}), json!({"email": "a@b.co\r\nBcc: c@d.co"}), json!({"email": 1})]
    {
        let refused = desk.call(login_request::ENDPOINT, "/auth/login", "", body).await;
        assert_eq!((refused.refusal(), &refused.json["field"]), ((400, "VALIDATION_ERROR"), &json!("email")));
    }
}

#[tokio::test]
async fn looking_at_the_link_signs_nobody_in() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let link = link(&desk).await;
    for _ in 0..3 {
        let page = desk.browse(login_show::ENDPOINT, &link, "").await;
        assert!(page.status == 200 && page.text.contains("<form method=\"post\">"), "{}", page.text);
        assert!(!page.headers.contains_key("set-cookie"));
    }
    let (id, _) = mailed(&desk).await;
    let kept = desk.cx.store.record::<Login>(tenant(), id).await.unwrap().unwrap();
    assert_eq!((kept.seq, kept.standing), (1, Standing::Requested));
}

#[tokio::test]
async fn a_link_signs_in_once_and_a_session_lasts_a_working_day() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let link = link(&desk).await;
    let by_program = [("accept", "application/json")];
    let first = desk.visit(login_use::ENDPOINT, &link, &by_program, "").await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json["expires_at"], json!(NOON.plus_ms(SESSION_LIVES_MS)));
    let token = first.json["session_token"].as_str().unwrap();
    let again = desk.visit(login_use::ENDPOINT, &link, &by_program, "").await;
    assert_eq!(again.refusal(), (410, "LINK_USED"));
    assert_eq!(desk.browse(login_show::ENDPOINT, &link, "").await.status, 410);
    assert_eq!(desk.browse(login_use::ENDPOINT, &link, "").await.status, 410);

    let me = crate::auth::me::ENDPOINT;
    let seen = desk.call(me, "/auth/me", token, Value::Null).await;
    assert_eq!((seen.status.as_u16(), &seen.json["user"]["email"]), (200, &json!("you@example.com")));
    let kept = desk.cx.store.session(&hash_of_key(token)).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&kept).unwrap().contains(token));
    desk.advance(SESSION_LIVES_MS / 60_000 - 1);
    assert_eq!(desk.call(me, "/auth/me", token, Value::Null).await.status, 200);
    desk.advance(1);
    assert_eq!(desk.call(me, "/auth/me", token, Value::Null).await.refusal(), (401, "INVALID_SESSION"));
}

#[tokio::test]
async fn a_link_is_over_after_a_quarter_of_an_hour_though_no_timer_ran() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let link = link(&desk).await;
    desk.advance(LOGIN_LIVES_MS / 60_000);
    assert_eq!(desk.browse(login_show::ENDPOINT, &link, "").await.status, 410);
    let refused = desk.visit(login_use::ENDPOINT, &link, &[("accept", "application/json")], "").await;
    assert_eq!(refused.refusal(), (410, "EXPIRED"));
    assert!(mailed(&desk).await.1.is_none(), "there is nothing left to mail");
}

#[tokio::test]
async fn only_the_right_link_from_no_strange_page_signs_in() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let link = link(&desk).await;
    for said in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        assert_eq!(desk.visit(login_use::ENDPOINT, &link, &[said], "").await.status, 403, "{said:?}");
    }
    let (id, _) = mailed(&desk).await;
    let forged = LoginLink::to(desk.cx.master().unwrap(), id, &ann()).token();
    for token in [forged.as_str(), "x"] {
        for endpoint in [login_show::ENDPOINT, login_use::ENDPOINT] {
            assert_eq!(desk.browse(endpoint, &format!("/auth/login/{token}"), "").await.status, 404);
        }
    }
    assert_eq!(desk.browse(login_use::ENDPOINT, &link, "").await.status, 303);
}

#[tokio::test]
async fn of_nine_taps_at_once_one_signs_in() {
    let desk = std::sync::Arc::new(Desk::new().await);
    desk.has_account(Tier::Enterprise).await;
    let link = link(&desk).await;
    let mut taps = tokio::task::JoinSet::new();
    for _ in 0..9 {
        let (desk, link) = (std::sync::Arc::clone(&desk), link.clone());
        taps.spawn(async move { desk.browse(login_use::ENDPOINT, &link, "").await.status.as_u16() });
    }
    let statuses = taps.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 8, "{statuses:?}");
}

#[tokio::test]
async fn the_page_shows_the_keys_makes_one_and_revokes_one() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let cookie = signed_in(&desk).await;
    desk.asked().await;
    let page = desk.visit(show::ENDPOINT, "/account", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(page.status, 200, "{}", page.text);
    for shown in ["the agent", "the admin", "1 this month", "you@example.com"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    assert!(!page.text.contains(&format!("{ADMIN}\"")));

    let made = post(&desk, key_create::ENDPOINT, "/account/keys", &cookie, "name=%3Cb%3EMine&role=app").await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(made.text.contains("&lt;b&gt;Mine") && !made.text.contains("<b>Mine"));
    let secret = made.text.split("ho_live_").nth(1).unwrap().split('<').next().unwrap();
    let kept = desk.cx.store.key_by_hash(&hash_of_key(&format!("ho_live_{secret}"))).await.unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.role.name()), ("<b>Mine", "app"));
    for wrong in ["name=+&role=app", "name=x&role=root", "role=app"] {
        assert_eq!(post(&desk, key_create::ENDPOINT, "/account/keys", &cookie, wrong).await.status, 400, "{wrong}");
    }

    let revoke = format!("/account/keys/{}/revoke", kept.id);
    let gone = post(&desk, key_revoke::ENDPOINT, &revoke, &cookie, "").await;
    assert_eq!((gone.status.as_u16(), &gone.headers["location"]), (303, &"../../../account".parse().unwrap()));
    let kept = desk.cx.store.find_key(kept.tenant, kept.id).await.unwrap().unwrap();
    assert!(kept.key.revoked_at.is_some());
    assert_eq!(post(&desk, key_revoke::ENDPOINT, "/account/keys/x/revoke", &cookie, "").await.status, 404);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    let cookie = signed_in(&desk).await;
    let forged = desk.visit(logout::ENDPOINT, "/auth/logout", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(forged.status, 403);
    let out = post(&desk, logout::ENDPOINT, "/auth/logout", &cookie, "").await;
    assert_eq!(out.status, 303);
    assert!(out.headers["set-cookie"].to_str().unwrap().starts_with(&format!("{COOKIE}=; Path=/; Max-Age=0;")));
    let page = desk.visit(show::ENDPOINT, "/account", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(page.status, 401);
    // A program's session ends the same way, and a repeat changes nothing.
    for _ in 0..2 {
        let token = cookie.trim_start_matches(&format!("{COOKIE}="));
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
        let out = desk.visit(logout::ENDPOINT, "/auth/logout", &headers, "").await;
        assert_eq!((out.status.as_u16(), out.json), (200, json!({"signed_in": false})));
    }
}

#[tokio::test]
async fn an_api_key_is_no_session_and_opens_no_account_page() {
    let desk = Desk::new().await;
    desk.has_account(Tier::Enterprise).await;
    for key in [AGENT, ADMIN] {
        let bearer = format!("Bearer {key}");
        let cookie = format!("{COOKIE}={key}");
        for header in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
            let headers = [header, ("sec-fetch-site", "same-origin")];
            assert_eq!(desk.visit(show::ENDPOINT, "/account", &headers, "").await.status, 401);
            assert_eq!(desk.visit(key_create::ENDPOINT, "/account/keys", &headers, "name=x").await.status, 401);
        }
    }
}

#[tokio::test]
async fn one_mailbox_is_mailed_so_often_in_a_minute_and_one_address_asks_so_often() {
    let desk = Desk::new().await;
    for _ in 0..10 {
        let asked = desk.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "a@example.com"})).await;
        assert_eq!(asked.status, 202);
    }
    // The same address, another mailbox: it is the client's budget that is spent.
    for email in ["A@example.com", "b@example.com"] {
        let refused = desk.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": email})).await;
        assert_eq!(refused.refusal(), (429, "RATE_LIMIT"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    desk.advance(1);
    let asked = desk.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "b@example.com"})).await;
    assert_eq!(asked.status, 202);
}
