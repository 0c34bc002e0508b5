//! Every row of the registry is closed to whoever may not come in, and says so in its door's words.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::access::Role;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_kernel::endpoint::{Auth, Endpoint, service};
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::master::MasterKey;
use handrail_runner::endpoints;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};

use crate::replay::{operation, stage_for};
use crate::samples::{self, Answer, Body, Sample, answer, invoke, sample};
use crate::stage::{KEYS, NOW, SESSION_COOKIE, SLACK_CODE, STRANGER, Stage, approver, record_id, tenant};
use crate::{packets, routes};

async fn asked(endpoint: &Endpoint, sample: &Sample) -> Answer {
    let stage = stage_for(endpoint.function).await;
    invoke(endpoint, &stage, &sample.event(endpoint).to_string()).await
}

/// `{"error": text, "code": CODE}`, or `{"detail": text}`, as the door has it, and never anything but a JSON object:
/// published clients read nothing else.
#[track_caller]
fn assert_error(endpoint: &Endpoint, what: &str, answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    assert_eq!(answer.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes), Some(&b"application/json"[..]), "{what}");
    let body = answer.json();
    let says = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    if packets::is_at(endpoint) || routes::is_at(endpoint) {
        assert!(says("detail"), "{what}: {body}");
    } else {
        assert_eq!(body["code"], code, "{what}: {body}");
        assert!(says("error"), "{what}: {body}");
    }
}

#[track_caller]
fn assert_page(what: &str, answer: &Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    assert!(kind.starts_with("text/html"), "{what}: {kind}");
}

fn behind_a_key() -> impl Iterator<Item = (Endpoint, handrail_domain::access::Scope)> {
    endpoints().into_iter().filter_map(|endpoint| match endpoint.auth {
        Auth::Key(scope) | Auth::KeyOrSession(scope) => Some((endpoint, scope)),
        Auth::Link | Auth::Session | Auth::State | Auth::Slack | Auth::Public => None,
    })
}

#[tokio::test]
async fn without_a_key_nobody_comes_in() {
    for (endpoint, _) in behind_a_key() {
        let nobody = Sample { key: None, ..sample(endpoint.function) };
        assert_error(
            &endpoint,
            endpoint.function,
            &asked(&endpoint, &nobody).await,
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
        );
        let unknown = Sample { key: Some("ho_live_EXAMPLE-unknown".to_owned()), ..nobody };
        assert_error(
            &endpoint,
            endpoint.function,
            &asked(&endpoint, &unknown).await,
            StatusCode::UNAUTHORIZED,
            "INVALID_KEY",
        );
    }
}

#[tokio::test]
async fn a_key_opens_what_its_role_may_do_and_nothing_else() {
    for (endpoint, scope) in behind_a_key() {
        for (role, key) in KEYS {
            let what = format!("{} with the key of an {}", endpoint.function, role.name());
            let answer = asked(&endpoint, &Sample { key: Some(key.to_owned()), ..sample(endpoint.function) }).await;
            if endpoint.function == "decisions-cancel" && role == Role::Writer {
                // It may ask and take back, but not what another one asked.
                assert_error(&endpoint, &what, &answer, StatusCode::FORBIDDEN, "FORBIDDEN");
            } else if role.allows(scope) {
                assert!(answer.is_success(), "{what}: {} {}", answer.status, answer.text);
            } else {
                assert_error(&endpoint, &what, &answer, StatusCode::FORBIDDEN, "FORBIDDEN");
            }
        }
    }
}

#[tokio::test]
async fn a_strangers_id_answers_like_an_absent_one() {
    // Whoever registers an agent under a stranger's id has one of their own.
    let about_one = |endpoint: &Endpoint| endpoint.path.contains("{id}") && endpoint.function != "routes-agent-change";
    // Where the stranger's role may do nothing, it learns that and no more.
    let with_id = behind_a_key().filter(|(endpoint, scope)| about_one(endpoint) && Role::Admin.allows(*scope));
    let mut looked_at = 0;
    for (endpoint, _) in with_id {
        looked_at += 1;
        let own = sample(endpoint.function);
        let (name, id) = own.parameter.clone().unwrap();
        let foreign = Sample { key: Some(STRANGER.to_owned()), ..own.clone() };
        let foreign = asked(&endpoint, &foreign).await;
        assert_error(&endpoint, endpoint.function, &foreign, StatusCode::NOT_FOUND, "NOT_FOUND");
        let absent_id = match (id.parse::<KeyId>(), id.parse::<TenantId>()) {
            (Ok(_), _) => KeyId::new(NOW, [77; 10]).to_string(),
            (_, Ok(_)) => TenantId::new(NOW, [77; 10]).to_string(),
            _ => RecordId::new(NOW, [77; 10]).to_string(),
        };
        for no_id in [absent_id, "no-id".to_owned()] {
            let absent = asked(&endpoint, &Sample { parameter: Some((name, no_id.clone())), ..own.clone() }).await;
            let theirs = ["/api/v1/packets", "/api/v1/hooks", "/api/v1/schemas"];
            if no_id == "no-id" && theirs.iter().any(|path| endpoint.path.starts_with(path)) {
                // As published: what can be no id is a mistake in the request.
                assert_error(&endpoint, endpoint.function, &absent, StatusCode::BAD_REQUEST, "");
                continue;
            }
            // An answer may repeat the id, and differs in nothing else.
            let same = foreign.text.replace(&id, &no_id);
            assert_eq!((absent.status, &absent.text), (foreign.status, &same), "{}", endpoint.function);
        }
    }
    assert!(looked_at > 0);
}

#[tokio::test]
async fn a_link_that_was_not_given_opens_nothing() {
    let ours = |tenant, record| {
        Link::to(&MasterKey::new("the master key of somebody else"), tenant, record, Seat::Approver, &approver())
    };
    let forged = ours(tenant(), record_id()).token();
    let nowhere = ours(tenant(), RecordId::new(NOW, [77; 10])).token();
    let links = endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::Link);
    let mut looked_at = 0;
    for endpoint in links {
        looked_at += 1;
        for token in ["x", "..%2F..", &"A".repeat(5_000), &forged, &nowhere] {
            let visit = Sample { parameter: Some(("token", token.to_owned())), ..sample(endpoint.function) };
            assert_page(endpoint.function, &asked(&endpoint, &visit).await, StatusCode::NOT_FOUND);
        }
    }
    assert!(looked_at > 0);
}

#[tokio::test]
async fn who_did_not_sign_in_is_asked_to_at_the_accounts_pages() {
    let of_the_account = |endpoint: &Endpoint| endpoint.auth == Auth::Session && endpoint.function != "auth-logout";
    let mut looked_at = 0;
    for endpoint in endpoints().into_iter().filter(of_the_account) {
        looked_at += 1;
        let unknown = "__Host-handrail-session=hs_EXAMPLE-of-somebody-whom-nobody-knows-00000";
        for headers in [vec![], vec![("cookie", unknown), ("sec-fetch-site", "same-origin")]] {
            let headers = samples::headers(&headers);
            let answer = asked(&endpoint, &Sample { headers, ..sample(endpoint.function) }).await;
            assert_page(endpoint.function, &answer, StatusCode::UNAUTHORIZED);
            assert!(answer.text.contains("auth/login"), "{}: {}", endpoint.function, answer.text);
        }
    }
    assert!(looked_at > 0);
}

/// A browser sends a cookie whoever made it send something.
#[tokio::test]
async fn a_cookie_from_a_page_of_somebody_else_does_nothing() {
    let mut looked_at = 0;
    for endpoint in endpoints() {
        let takes_a_cookie = match endpoint.auth {
            Auth::KeyOrSession(_) => true,
            Auth::Session => endpoint.method.http() != Method::GET,
            Auth::Key(_) | Auth::Link | Auth::State | Auth::Slack | Auth::Public => false,
        };
        if !takes_a_cookie {
            continue;
        }
        looked_at += 1;
        for said in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "https://evil.example")]] {
            let headers = samples::headers(&[vec![("cookie", SESSION_COOKIE)], said.clone()].concat());
            let forged = Sample { key: None, headers, ..sample(endpoint.function) };
            let answer = asked(&endpoint, &forged).await;
            match endpoint.auth {
                Auth::Session => assert_page(endpoint.function, &answer, StatusCode::FORBIDDEN),
                _ => assert_error(&endpoint, endpoint.function, &answer, StatusCode::FORBIDDEN, "CROSS_SITE"),
            }
        }
        let headers = samples::headers(&[("cookie", SESSION_COOKIE), ("origin", "https://decisions.example.com")]);
        let own = asked(&endpoint, &Sample { key: None, headers, ..sample(endpoint.function) }).await;
        assert!(own.is_success(), "{}: {} {}", endpoint.function, own.status, own.text);
    }
    assert!(looked_at > 5);
}

#[tokio::test]
async fn a_state_that_was_not_given_lets_nobody_in() {
    let stranger = MasterKey::new("the master key of somebody else");
    let forged = handrail_slack::State { tenant: tenant(), made_at: NOW }.signed(&stranger);
    let old = handrail_slack::State { tenant: tenant(), made_at: NOW.plus_ms(-10 * 60_000) };
    let stage = Stage::new().await;
    let before = stage.cx.store.workspace(tenant()).await.unwrap();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::State) {
        for state in ["x".to_owned(), "A".repeat(5_000), forged.clone(), stage.signed(old)] {
            let back =
                Sample { query: vec![("code", SLACK_CODE.to_owned()), ("state", state)], ..sample(endpoint.function) };
            let answer = invoke(&endpoint, &stage, &back.event(&endpoint).to_string()).await;
            assert_page(endpoint.function, &answer, StatusCode::BAD_REQUEST);
        }
    }
    assert_eq!(stage.slack.calls(), Vec::<String>::new(), "Slack was asked for nobody's sake");
    assert_eq!(stage.cx.store.workspace(tenant()).await.unwrap(), before);
}

#[tokio::test]
async fn what_slack_did_not_sign_is_not_taken() {
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::Slack) {
        let genuine = sample(endpoint.function);
        let without = |left_out: &str| Sample {
            headers: genuine.headers.iter().filter(|(name, _)| *name != left_out).cloned().collect(),
            ..genuine.clone()
        };
        let other = Sample { body: Some(Body::Form("payload=%7B%7D".to_owned())), ..genuine.clone() };
        for forged in [without("x-slack-signature"), without("x-slack-request-timestamp"), other] {
            let answer = asked(&endpoint, &forged).await;
            assert_error(&endpoint, endpoint.function, &answer, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
        }
        // Somebody's recording.
        let stage = stage_for(endpoint.function).await;
        stage.clock.move_to(NOW.plus_ms(301_000));
        let answer = invoke(&endpoint, &stage, &genuine.event(&endpoint).to_string()).await;
        assert_error(&endpoint, endpoint.function, &answer, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
    }
}

#[tokio::test]
async fn only_the_listed_operations_are_public() {
    let public = endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::Public);
    assert_eq!(
        public.map(|endpoint| endpoint.function).collect::<Vec<_>>(),
        ["auth-login-request", "health", "packets-health", "packets-ready"]
    );
}

/// In how many ways problems are worded at an address: as pages, as JSON, or both.
fn spoken_at(path: &str) -> usize {
    let at = endpoints().into_iter().filter(|endpoint| endpoint.path == path);
    at.map(|endpoint| matches!(endpoint.auth, Auth::Link | Auth::Session | Auth::State)).collect::<BTreeSet<_>>().len()
}

#[tokio::test]
async fn an_address_takes_its_methods_and_names_them_to_who_comes_with_another() {
    let mut methods_of: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for endpoint in endpoints() {
        let methods = methods_of.entry(endpoint.path).or_default();
        methods.insert(endpoint.method.http().to_string());
        // Whoever answers GET answers HEAD.
        methods.extend((endpoint.method.http() == Method::GET).then(|| "HEAD".to_owned()));
    }
    let stage = Stage::new().await;
    for endpoint in endpoints() {
        let all = &methods_of[endpoint.path];
        let takes_own = |method: &&String| match method.as_str() {
            "HEAD" => endpoint.method.http() == Method::GET,
            method => method == endpoint.method.http().as_str(),
        };
        let own: BTreeSet<String> = all.iter().filter(takes_own).cloned().collect();
        let together = service(&endpoints(), operation("health"), stage.cx.clone());
        for (router, takes) in [(together, all), (endpoint.router(stage.cx.clone()), &own)] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if takes.contains(method.as_str()) {
                    continue;
                }
                let what = format!("{method} {}", endpoint.path);
                let request = Request::builder().method(method).uri(sample(endpoint.function).path(&endpoint));
                let answer = answer(router.clone(), request.body(axum::body::Body::empty()).unwrap()).await;
                let allow = answer.headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
                let allowed: BTreeSet<String> = allow.split(',').map(|method| method.trim().to_owned()).collect();
                assert_eq!(&allowed, takes, "{what}");
                if takes == all && takes != &own && spoken_at(endpoint.path) > 1 {
                    // An address with a page and an API together: either's words will do.
                    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{what}");
                    continue;
                }
                match endpoint.auth {
                    Auth::Link | Auth::Session | Auth::State => {
                        assert_page(&what, &answer, StatusCode::METHOD_NOT_ALLOWED);
                    }
                    Auth::Key(_) | Auth::KeyOrSession(_) | Auth::Slack | Auth::Public => {
                        assert_error(&endpoint, &what, &answer, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
                    }
                }
            }
        }
    }
}
