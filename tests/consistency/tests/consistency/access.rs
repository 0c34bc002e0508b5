//! Every endpoint refuses callers without the right, with its door's error shape.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::access::Role;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_runner::endpoints;
use handrail_secrets::link::{ApproverRole, Link};
use handrail_secrets::master_key::MasterKey;
use handrail_web::endpoint::{Auth, Endpoint, service};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};

use crate::replay::{app_for, operation};
use crate::samples::{self, Body, Response, Sample, invoke, sample, send_request};
use crate::stage::{KEYS, NOW, OTHER_TENANT_KEY, ReplayApp, SESSION_COOKIE, SLACK_CODE, approver, record_id, tenant};
use crate::{packets, routes};

async fn send_sample(endpoint: &Endpoint, sample: &Sample) -> Response {
    let app = app_for(endpoint.function).await;
    invoke(endpoint, &app, &sample.event(endpoint).to_string()).await
}

/// Asserts the door's JSON error: `{"error": text, "code": CODE}` or `{"detail": text}`. Published clients read nothing
/// else.
#[track_caller]
fn assert_error(endpoint: &Endpoint, case: &str, response: &Response, status: StatusCode, code: &str) {
    assert_eq!(response.status, status, "{case}: {}", response.text);
    assert_eq!(response.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes), Some(&b"application/json"[..]), "{case}");
    let body = response.json();
    let says = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    if packets::is_at(endpoint) || routes::is_at(endpoint) {
        assert!(says("detail"), "{case}: {body}");
    } else {
        assert_eq!(body["code"], code, "{case}: {body}");
        assert!(says("error"), "{case}: {body}");
    }
}

#[track_caller]
fn assert_page(case: &str, response: &Response, status: StatusCode) {
    assert_eq!(response.status, status, "{case}: {}", response.text);
    let content_type =
        response.headers.get(CONTENT_TYPE).and_then(|content_type| content_type.to_str().ok()).unwrap_or_default();
    assert!(content_type.starts_with("text/html"), "{case}: {content_type}");
}

fn endpoints_with_key() -> impl Iterator<Item = (Endpoint, handrail_domain::access::Scope)> {
    endpoints().into_iter().filter_map(|endpoint| match endpoint.auth {
        Auth::ApiKey(scope) | Auth::ApiKeyOrSession(scope) => Some((endpoint, scope)),
        Auth::Link | Auth::Session | Auth::OAuthState | Auth::SlackSignature | Auth::Public => None,
    })
}

#[tokio::test]
async fn requests_without_valid_key_are_unauthorized() {
    for (endpoint, _) in endpoints_with_key() {
        let anonymous = Sample { key: None, ..sample(endpoint.function) };
        assert_error(
            &endpoint,
            endpoint.function,
            &send_sample(&endpoint, &anonymous).await,
            StatusCode::UNAUTHORIZED,
            "UNAUTHORIZED",
        );
        let unknown = Sample { key: Some("ho_live_EXAMPLE-unknown".to_owned()), ..anonymous };
        assert_error(
            &endpoint,
            endpoint.function,
            &send_sample(&endpoint, &unknown).await,
            StatusCode::UNAUTHORIZED,
            "INVALID_KEY",
        );
    }
}

#[tokio::test]
async fn role_limits_operations_of_key() {
    for (endpoint, scope) in endpoints_with_key() {
        for (role, key) in KEYS {
            let case = format!("{} with the key of an {}", endpoint.function, role.name());
            let response =
                send_sample(&endpoint, &Sample { key: Some(key.to_owned()), ..sample(endpoint.function) }).await;
            if endpoint.function == "decisions-cancel" && role == Role::Writer {
                // Writers may create and cancel decisions, but not cancel another key's decision.
                assert_error(&endpoint, &case, &response, StatusCode::FORBIDDEN, "FORBIDDEN");
            } else if role.allows(scope) {
                assert!(response.is_success(), "{case}: {} {}", response.status, response.text);
            } else {
                assert_error(&endpoint, &case, &response, StatusCode::FORBIDDEN, "FORBIDDEN");
            }
        }
    }
}

#[tokio::test]
async fn foreign_id_looks_like_unknown_id() {
    // Agent ids are per tenant: changing an id of another tenant creates an own agent.
    let takes_id = |endpoint: &Endpoint| endpoint.path.contains("{id}") && endpoint.function != "routes-agent-change";
    // Operations that the other tenant's admin key may not use refuse it before they read the id.
    let with_id = endpoints_with_key().filter(|(endpoint, scope)| takes_id(endpoint) && Role::Admin.allows(*scope));
    let mut checked = 0;
    for (endpoint, _) in with_id {
        checked += 1;
        let own = sample(endpoint.function);
        let (name, id) = own.parameter.clone().unwrap();
        let foreign = Sample { key: Some(OTHER_TENANT_KEY.to_owned()), ..own.clone() };
        let foreign = send_sample(&endpoint, &foreign).await;
        assert_error(&endpoint, endpoint.function, &foreign, StatusCode::NOT_FOUND, "NOT_FOUND");
        let absent_id = match (id.parse::<KeyId>(), id.parse::<TenantId>()) {
            (Ok(_), _) => KeyId::new(NOW, [77; 10]).to_string(),
            (_, Ok(_)) => TenantId::new(NOW, [77; 10]).to_string(),
            _ => RecordId::new(NOW, [77; 10]).to_string(),
        };
        for no_id in [absent_id, "no-id".to_owned()] {
            let absent =
                send_sample(&endpoint, &Sample { parameter: Some((name, no_id.clone())), ..own.clone() }).await;
            if no_id == "no-id" && endpoint.path.starts_with("/api/v1/packets") {
                // As published: a malformed id of a packet is an invalid request.
                assert_error(&endpoint, endpoint.function, &absent, StatusCode::BAD_REQUEST, "");
                continue;
            }
            // The response may repeat the id and must not differ otherwise.
            let same = foreign.text.replace(&id, &no_id);
            assert_eq!((absent.status, &absent.text), (foreign.status, &same), "{}", endpoint.function);
        }
    }
    assert!(checked > 0);
}

#[tokio::test]
async fn forged_link_is_not_found() {
    let link = |tenant, record| {
        Link::new(
            &MasterKey::new("the master key of somebody else"),
            tenant,
            record,
            ApproverRole::Approver,
            &approver(),
        )
    };
    let forged = link(tenant(), record_id()).token();
    let unknown_record = link(tenant(), RecordId::new(NOW, [77; 10])).token();
    let links = endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::Link);
    let mut checked = 0;
    for endpoint in links {
        checked += 1;
        for token in ["x", "..%2F..", &"A".repeat(5_000), &forged, &unknown_record] {
            let request = Sample { parameter: Some(("token", token.to_owned())), ..sample(endpoint.function) };
            assert_page(endpoint.function, &send_sample(&endpoint, &request).await, StatusCode::NOT_FOUND);
        }
    }
    assert!(checked > 0);
}

#[tokio::test]
async fn account_pages_require_session() {
    let is_account_page = |endpoint: &Endpoint| endpoint.auth == Auth::Session && endpoint.function != "auth-logout";
    let mut checked = 0;
    for endpoint in endpoints().into_iter().filter(is_account_page) {
        checked += 1;
        let unknown = "__Host-handrail-session=hs_EXAMPLE-of-somebody-whom-nobody-knows-00000";
        for headers in [vec![], vec![("cookie", unknown), ("sec-fetch-site", "same-origin")]] {
            let headers = samples::headers(&headers);
            let response = send_sample(&endpoint, &Sample { headers, ..sample(endpoint.function) }).await;
            assert_page(endpoint.function, &response, StatusCode::UNAUTHORIZED);
            assert!(response.text.contains("auth/login"), "{}: {}", endpoint.function, response.text);
        }
    }
    assert!(checked > 0);
}

/// Browsers send cookies with requests of any page, so state-changing requests need proof of the same origin.
#[tokio::test]
async fn cross_site_session_cookie_is_refused() {
    let mut checked = 0;
    for endpoint in endpoints() {
        let takes_a_cookie = match endpoint.auth {
            Auth::ApiKeyOrSession(_) => true,
            Auth::Session => endpoint.method.to_http() != Method::GET,
            Auth::ApiKey(_) | Auth::Link | Auth::OAuthState | Auth::SlackSignature | Auth::Public => false,
        };
        if !takes_a_cookie {
            continue;
        }
        checked += 1;
        for origin_headers in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "https://evil.example")]]
        {
            let headers = samples::headers(&[vec![("cookie", SESSION_COOKIE)], origin_headers.clone()].concat());
            let forged = Sample { key: None, headers, ..sample(endpoint.function) };
            let response = send_sample(&endpoint, &forged).await;
            match endpoint.auth {
                Auth::Session => assert_page(endpoint.function, &response, StatusCode::FORBIDDEN),
                _ => assert_error(&endpoint, endpoint.function, &response, StatusCode::FORBIDDEN, "CROSS_SITE"),
            }
        }
        let headers = samples::headers(&[("cookie", SESSION_COOKIE), ("origin", "https://decisions.example.com")]);
        let own = send_sample(&endpoint, &Sample { key: None, headers, ..sample(endpoint.function) }).await;
        assert!(own.is_success(), "{}: {} {}", endpoint.function, own.status, own.text);
    }
    assert!(checked > 5);
}

#[tokio::test]
async fn forged_oauth_state_is_refused() {
    let other_master_key = MasterKey::new("the master key of somebody else");
    let forged = handrail_slack::OAuthState { tenant: tenant(), created_at: NOW }.sign(&other_master_key);
    let old = handrail_slack::OAuthState { tenant: tenant(), created_at: NOW.plus_ms(-10 * 60_000) };
    let app = ReplayApp::new().await;
    let before = app.cx.store.workspace(tenant()).await.unwrap();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::OAuthState) {
        for state in ["x".to_owned(), "A".repeat(5_000), forged.clone(), app.signed(old)] {
            let callback =
                Sample { query: vec![("code", SLACK_CODE.to_owned()), ("state", state)], ..sample(endpoint.function) };
            let response = invoke(&endpoint, &app, &callback.event(&endpoint).to_string()).await;
            assert_page(endpoint.function, &response, StatusCode::BAD_REQUEST);
        }
    }
    assert_eq!(app.slack.calls(), Vec::<String>::new(), "Slack must not be called");
    assert_eq!(app.cx.store.workspace(tenant()).await.unwrap(), before);
}

#[tokio::test]
async fn unsigned_slack_request_is_refused() {
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::SlackSignature) {
        let genuine = sample(endpoint.function);
        let without = |left_out: &str| Sample {
            headers: genuine.headers.iter().filter(|(name, _)| *name != left_out).cloned().collect(),
            ..genuine.clone()
        };
        let other = Sample { body: Some(Body::Form("payload=%7B%7D".to_owned())), ..genuine.clone() };
        for forged in [without("x-slack-signature"), without("x-slack-request-timestamp"), other] {
            let response = send_sample(&endpoint, &forged).await;
            assert_error(&endpoint, endpoint.function, &response, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
        }
        // A replay of an old request.
        let app = app_for(endpoint.function).await;
        app.clock.move_to(NOW.plus_ms(301_000));
        let response = invoke(&endpoint, &app, &genuine.event(&endpoint).to_string()).await;
        assert_error(&endpoint, endpoint.function, &response, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
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

/// Returns how many error formats the endpoints of a path use: pages, JSON or both.
fn error_formats_at(path: &str) -> usize {
    let at = endpoints().into_iter().filter(|endpoint| endpoint.path == path);
    at.map(|endpoint| matches!(endpoint.auth, Auth::Link | Auth::Session | Auth::OAuthState))
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test]
async fn unknown_method_gets_405_with_allow_header() {
    let mut methods_of: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for endpoint in endpoints() {
        let methods = methods_of.entry(endpoint.path).or_default();
        methods.insert(endpoint.method.to_http().to_string());
        // Routes with GET take HEAD too.
        methods.extend((endpoint.method.to_http() == Method::GET).then(|| "HEAD".to_owned()));
    }
    let app = ReplayApp::new().await;
    for endpoint in endpoints() {
        let path_methods = &methods_of[endpoint.path];
        let takes_own = |method: &&String| match method.as_str() {
            "HEAD" => endpoint.method.to_http() == Method::GET,
            method => method == endpoint.method.to_http().as_str(),
        };
        let own: BTreeSet<String> = path_methods.iter().filter(takes_own).cloned().collect();
        let whole_service = service(&endpoints(), handrail_decisions::DOOR, app.cx.clone());
        for (router, methods) in [(whole_service, path_methods), (endpoint.router(app.cx.clone()), &own)] {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if methods.contains(method.as_str()) {
                    continue;
                }
                let case = format!("{method} {}", endpoint.path);
                let request = Request::builder().method(method).uri(sample(endpoint.function).path(&endpoint));
                let response = send_request(router.clone(), request.body(axum::body::Body::empty()).unwrap()).await;
                let allow = response.headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
                let allowed: BTreeSet<String> = allow.split(',').map(|method| method.trim().to_owned()).collect();
                assert_eq!(&allowed, methods, "{case}");
                if methods == path_methods && methods != &own && error_formats_at(endpoint.path) > 1 {
                    // A path with pages and API operations may use either error format.
                    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED, "{case}");
                    continue;
                }
                match endpoint.auth {
                    Auth::Link | Auth::Session | Auth::OAuthState => {
                        assert_page(&case, &response, StatusCode::METHOD_NOT_ALLOWED);
                    }
                    Auth::ApiKey(_) | Auth::ApiKeyOrSession(_) | Auth::SlackSignature | Auth::Public => {
                        assert_error(&endpoint, &case, &response, StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
                    }
                }
            }
        }
    }
}
