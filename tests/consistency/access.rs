//! Links, sessions, OAuth states and signatures: forged, old and cross-site ones are refused.

use handrail_domain::ids::RecordId;
use handrail_runner::endpoints;
use handrail_secrets::link::{ApproverRole, Link};
use handrail_secrets::purpose_key::PurposeKey;
use handrail_web::endpoint::{Auth, Endpoint};
use http::{Method, StatusCode};

use crate::replay::app_for;
use crate::replay_app::{NOW, ReplayApp, SESSION_COOKIE, SLACK_CODE, approver, record_id, tenant};
use crate::responses::{check_error, check_page};
use crate::samples::{self, Body, Response, Sample, invoke, sample};

async fn send_sample(endpoint: &Endpoint, sample: &Sample) -> Response {
    let app = app_for(endpoint.function).await;
    invoke(endpoint, &app, &sample.event(endpoint).to_string()).await
}

#[track_caller]
fn assert_error(endpoint: &Endpoint, response: &Response, status: StatusCode, code: &str) {
    if let Err(failure) = check_error(endpoint, response, status, code) {
        panic!("{}: {failure}", endpoint.function);
    }
}

#[track_caller]
fn assert_page(endpoint: &Endpoint, response: &Response, status: StatusCode) {
    if let Err(failure) = check_page(response, status) {
        panic!("{}: {failure}", endpoint.function);
    }
}

#[tokio::test]
async fn forged_link_is_not_found() {
    let link = |tenant, record| {
        Link::new(
            &PurposeKey::new("the master key of somebody else"),
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
            assert_page(&endpoint, &send_sample(&endpoint, &request).await, StatusCode::NOT_FOUND);
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
            assert_page(&endpoint, &response, StatusCode::UNAUTHORIZED);
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
                Auth::Session => assert_page(&endpoint, &response, StatusCode::FORBIDDEN),
                _ => assert_error(&endpoint, &response, StatusCode::FORBIDDEN, "CROSS_SITE"),
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
    let other_master_key = PurposeKey::new("the master key of somebody else");
    let forged = handrail_slack::OAuthState { tenant: tenant(), created_at: NOW }.sign(&other_master_key);
    let old = handrail_slack::OAuthState { tenant: tenant(), created_at: NOW.plus_ms(-10 * 60_000) };
    let app = ReplayApp::new().await;
    let before = app.cx.store.workspace(tenant()).await.unwrap();
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::OAuthState) {
        for state in ["x".to_owned(), "A".repeat(5_000), forged.clone(), app.signed(old)] {
            let callback =
                Sample { query: vec![("code", SLACK_CODE.to_owned()), ("state", state)], ..sample(endpoint.function) };
            let response = invoke(&endpoint, &app, &callback.event(&endpoint).to_string()).await;
            assert_page(&endpoint, &response, StatusCode::BAD_REQUEST);
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
            assert_error(&endpoint, &response, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
        }
        // A replay of an old request.
        let app = app_for(endpoint.function).await;
        app.clock.move_to(NOW.plus_ms(301_000));
        let response = invoke(&endpoint, &app, &genuine.event(&endpoint).to_string()).await;
        assert_error(&endpoint, &response, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE");
    }
}

#[tokio::test]
async fn only_the_listed_operations_are_public() {
    let public = endpoints().into_iter().filter(|endpoint| endpoint.auth == Auth::Public);
    assert_eq!(
        public.map(|endpoint| endpoint.function).collect::<Vec<_>>(),
        [
            "jwks",
            "auth-login-request",
            "health",
            "packets-health",
            "packets-ready",
            "docs-openapi",
            "docs-openapi-door",
            "docs-page"
        ]
    );
}
