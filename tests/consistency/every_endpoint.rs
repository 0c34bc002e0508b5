//! Generated tests: for each row of the registry, a request without credentials, a request of another tenant, a request
//! with a wrong method, and a request without the required scope.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::access::{Role, Scope};
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_runner::endpoints;
use handrail_web::endpoint::{Auth, Endpoint, service};
use http::header::ALLOW;
use http::{HeaderMap, Method, Request, StatusCode};

use crate::replay::app_for;
use crate::replay_app::{KEYS, NOW, OTHER_TENANT_COOKIE, OTHER_TENANT_KEY, ReplayApp, key_id, record_id, tenant};
use crate::responses::{check, check_error, check_page, check_success};
use crate::samples::{self, Body, Response, Sample, invoke, sample, send_request};
use crate::{hooks, packets, routes, tenants};

/// The tests of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    NoCredentials,
    OtherTenant,
    WrongMethod,
    MissingScope,
}

/// Row for which the check of a case makes no sense.
struct Exception {
    function: &'static str,
    case: Case,
    /// Part of the message with which the check fails.
    failure: &'static str,
    reason: &'static str,
}

/// If the check of a row here passes, or fails otherwise, the entry is stale and the test fails.
const EXCEPTIONS: [Exception; 5] = [
    Exception {
        function: "auth-logout",
        case: Case::NoCredentials,
        failure: "the status is 303",
        reason: "a browser without a session is signed out already",
    },
    Exception {
        function: "auth-me",
        case: Case::MissingScope,
        failure: "every role has the scope",
        reason: "every key may read its own account",
    },
    Exception {
        function: "routes-agent-change",
        case: Case::OtherTenant,
        failure: "the status is 200",
        reason: "agent ids are texts of each tenant, so the request registers an agent of the other tenant",
    },
    Exception {
        function: "tenants-change",
        case: Case::OtherTenant,
        failure: "the status is 403",
        reason: "only operators have the scope, and they manage every tenant",
    },
    Exception {
        function: "tenants-delete",
        case: Case::OtherTenant,
        failure: "the status is 403",
        reason: "only operators have the scope, and they manage every tenant",
    },
];

/// A row's result: checked, or without anything to check.
#[derive(PartialEq)]
enum Checked {
    Yes,
    NotApplicable,
}

/// Runs the check of a case for each row of the registry, and compares the failures with [`EXCEPTIONS`].
async fn check_every_endpoint(case: Case, check_row: impl AsyncFn(&Endpoint) -> Result<Checked, String>) {
    let mut exceptions: BTreeMap<&str, &Exception> = BTreeMap::new();
    for exception in EXCEPTIONS.iter().filter(|exception| exception.case == case) {
        let is_first = exceptions.insert(exception.function, exception).is_none();
        assert!(is_first, "{} has two exceptions for {case:?}", exception.function);
    }
    let (mut checked, mut failures) = (0, Vec::new());
    for endpoint in endpoints() {
        let name = endpoint.function;
        match (check_row(&endpoint).await, exceptions.remove(name)) {
            (Ok(result), None) => checked += usize::from(result == Checked::Yes),
            (Err(failure), Some(exception)) if failure.contains(exception.failure) => {}
            (Err(failure), _) => failures.push(format!("{name}: {failure}")),
            (Ok(_), Some(exception)) => {
                failures.push(format!("{name} passes: remove its entry from EXCEPTIONS ({})", exception.reason));
            }
        }
    }
    failures.extend(exceptions.keys().map(|name| format!("EXCEPTIONS names {name}, which is no operation")));
    assert!(failures.is_empty(), "{case:?}:\n{}", failures.join("\n"));
    assert!(checked > 0, "{case:?} checked no row");
}

/// Address outside of the network that may read the metrics without a key.
const OTHER_ADDRESS: &str = "198.51.100.7";

#[tokio::test]
async fn requests_without_credentials_are_refused() {
    check_every_endpoint(Case::NoCredentials, check_without_credentials).await;
}

async fn check_without_credentials(endpoint: &Endpoint) -> Result<Checked, String> {
    let own = sample(endpoint.function);
    let headers = own.headers.iter().filter(|(name, _)| !["cookie", "x-slack-signature"].contains(name));
    let anonymous = Sample { key: None, headers: headers.cloned().collect(), ..own.clone() };
    let answer_to = async |sample: Sample| {
        let app = app_for(endpoint.function).await;
        let mut event = sample.event(endpoint);
        event["requestContext"]["http"]["sourceIp"] = OTHER_ADDRESS.into();
        invoke(endpoint, &app, &event.to_string()).await
    };
    match endpoint.auth {
        Auth::ApiKey(_) | Auth::ApiKeyOrSession(_) => {
            let unknown_key = Sample { key: Some("ho_live_EXAMPLE-unknown".to_owned()), ..anonymous.clone() };
            for (request, code) in [(anonymous, "UNAUTHORIZED"), (unknown_key, "INVALID_KEY")] {
                check_error(endpoint, &answer_to(request).await, StatusCode::UNAUTHORIZED, code)?;
            }
        }
        Auth::Session => check_page(&answer_to(anonymous).await, StatusCode::UNAUTHORIZED)?,
        // The link is the credential.
        Auth::Link => {
            let without_link = Sample { parameter: Some(("token", "x".to_owned())), ..anonymous };
            check_page(&answer_to(without_link).await, StatusCode::NOT_FOUND)?;
        }
        // The state is the credential.
        Auth::OAuthState => {
            let query = own.query.iter().filter(|(name, _)| *name != "state").cloned().collect();
            check_page(&answer_to(Sample { query, ..anonymous }).await, StatusCode::BAD_REQUEST)?;
        }
        Auth::SlackSignature => {
            check_error(endpoint, &answer_to(anonymous).await, StatusCode::UNAUTHORIZED, "INVALID_SIGNATURE")?;
        }
        Auth::Public => check_success(&answer_to(anonymous).await)?,
    }
    Ok(Checked::Yes)
}

/// Ids in the samples, each with an id of the same kind that does not exist.
fn ids() -> Vec<(String, String)> {
    let unknown_record = RecordId::new(NOW, [77; 10]).to_string();
    let unknown_tenant = TenantId::new(NOW, [77; 10]).to_string();
    vec![
        (record_id().to_string(), unknown_record.clone()),
        (packets::packet_id().to_string(), unknown_record.clone()),
        (packets::schema_id().to_string(), unknown_record),
        (hooks::webhook_id().to_string(), hooks::unknown_webhook_id().to_string()),
        (hooks::delivery_id(packets::packet_id()), hooks::delivery_id(RecordId::new(NOW, [77; 10]))),
        (key_id(Role::Agent).to_string(), KeyId::new(NOW, [77; 10]).to_string()),
        (tenant().to_string(), unknown_tenant.clone()),
        (tenants::other_tenant().to_string(), unknown_tenant),
        (routes::TARGET.to_owned(), "refunds-77".to_owned()),
    ]
}

/// Returns the sample with another id in its path, its query and its body.
fn with_id(sample: &Sample, id: &str, other: &str) -> Sample {
    let replace = |text: &str| text.replace(id, other);
    let body = sample.body.clone().map(|body| match body {
        Body::Json(body) => Body::Json(serde_json::from_str(&replace(&body.to_string())).expect("an id is plain text")),
        body @ (Body::Form(_) | Body::File { .. }) => body,
    });
    Sample {
        parameter: sample.parameter.as_ref().map(|(name, value)| (*name, replace(value))),
        query: sample.query.iter().map(|(name, value)| (*name, replace(value))).collect(),
        body,
        ..sample.clone()
    }
}

/// Returns the headers without the request id, which differs from request to request.
fn comparable_headers(response: &Response) -> HeaderMap {
    let mut headers = response.headers.clone();
    headers.remove("x-request-id");
    headers
}

#[tokio::test]
async fn foreign_id_looks_like_unknown_id() {
    check_every_endpoint(Case::OtherTenant, check_other_tenant).await;
}

async fn check_other_tenant(endpoint: &Endpoint) -> Result<Checked, String> {
    let mut result = Checked::NotApplicable;
    for own in std::iter::once(sample(endpoint.function)).chain(packets::extra_requests(endpoint.function)) {
        let Some(foreign) = of_other_tenant(endpoint, &own) else { continue };
        let id_in_path = own.parameter.as_ref().filter(|(name, _)| *name == "id").map(|(_, id)| id.clone());
        let named: Vec<(String, String)> = match &id_in_path {
            Some(id) => ids().into_iter().filter(|(known, _)| known == id).collect(),
            None => ids().into_iter().filter(|(id, unknown)| contains_id(&own, id, unknown)).collect(),
        };
        check(id_in_path.is_none() || named.len() == 1, || format!("{id_in_path:?} is a new id: add it to ids()"))?;
        for (id, unknown_id) in named {
            let ids = (id.as_str(), unknown_id.as_str());
            check_foreign_id(endpoint, (&own, &foreign), ids, id_in_path.is_some()).await?;
            result = Checked::Yes;
        }
    }
    Ok(result)
}

/// Returns the sample with the other tenant's credentials. Returns `None` if a signature names the tenant.
fn of_other_tenant(endpoint: &Endpoint, own: &Sample) -> Option<Sample> {
    match endpoint.auth {
        Auth::ApiKey(_) | Auth::ApiKeyOrSession(_) => {
            Some(Sample { key: Some(OTHER_TENANT_KEY.to_owned()), ..own.clone() })
        }
        Auth::Session => {
            let headers = samples::headers(&[("cookie", OTHER_TENANT_COOKIE), ("sec-fetch-site", "same-origin")]);
            Some(Sample { headers, ..own.clone() })
        }
        Auth::Link | Auth::OAuthState | Auth::SlackSignature | Auth::Public => None,
    }
}

/// Returns `true` if the query or the body names the id. Names of agents are no ids there, because every tenant may use
/// them.
fn contains_id(sample: &Sample, id: &str, other: &str) -> bool {
    let changed = with_id(sample, id, other);
    let body_text = |sample: &Sample| match &sample.body {
        Some(Body::Json(body)) => body.to_string(),
        _ => String::new(),
    };
    id != routes::TARGET && (changed.query != sample.query || body_text(&changed) != body_text(sample))
}

/// Compares the responses to a foreign id and to an unknown id, byte by byte. Then the owner's request must succeed, so
/// the id exists and the foreign request changed nothing that the owner needs.
async fn check_foreign_id(
    endpoint: &Endpoint,
    (own, foreign): (&Sample, &Sample),
    (id, unknown_id): (&str, &str),
    is_in_path: bool,
) -> Result<(), String> {
    let app = app_with_other_tenant(endpoint).await;
    let found = invoke(endpoint, &app, &foreign.event(endpoint).to_string()).await;
    let unknown = check_same_apart_from_id(endpoint, foreign, (&found, id), unknown_id).await?;
    let (headers, unknown_headers) = (comparable_headers(&found), comparable_headers(&unknown));
    check(headers == unknown_headers, || format!("{headers:?} differs from {unknown_headers:?}"))?;
    if is_in_path {
        match endpoint.auth {
            Auth::Session => check_page(&found, StatusCode::NOT_FOUND)?,
            _ => check_error(endpoint, &found, StatusCode::NOT_FOUND, "NOT_FOUND")?,
        }
        if endpoint.path.starts_with("/api/v1/packets") {
            // As published: a malformed id of a packet is an invalid request.
            let malformed = with_id(foreign, id, "no-id").event(endpoint).to_string();
            let malformed = invoke(endpoint, &app, &malformed).await;
            check_error(endpoint, &malformed, StatusCode::BAD_REQUEST, "")?;
        } else {
            check_same_apart_from_id(endpoint, foreign, (&found, id), "no-id").await?;
        }
    }
    let own = invoke(endpoint, &app, &own.event(endpoint).to_string()).await;
    check_success(&own).map_err(|failure| format!("the owner's request: {failure}"))
}

/// Sends the request with another id to a fresh app and returns the response. Its text may repeat the id and must not
/// differ otherwise.
async fn check_same_apart_from_id(
    endpoint: &Endpoint,
    foreign: &Sample,
    (found, id): (&Response, &str),
    other_id: &str,
) -> Result<Response, String> {
    let app = app_with_other_tenant(endpoint).await;
    let other = invoke(endpoint, &app, &with_id(foreign, id, other_id).event(endpoint).to_string()).await;
    let expected = found.text.replace(id, other_id);
    check((found.status, &expected) == (other.status, &other.text), || {
        format!("{} {expected} differs from {} {}", found.status, other.status, other.text)
    })?;
    Ok(other)
}

async fn app_with_other_tenant(endpoint: &Endpoint) -> ReplayApp {
    let app = app_for(endpoint.function).await;
    app.sign_in_other_tenant().await;
    app
}

#[tokio::test]
async fn unknown_method_gets_405_with_allow_header() {
    let app = ReplayApp::new().await;
    let whole_service = service(&endpoints(), handrail_decisions::DOOR, app.cx.clone());
    check_every_endpoint(Case::WrongMethod, async |endpoint| {
        let at_path: Vec<Endpoint> = endpoints().into_iter().filter(|other| other.path == endpoint.path).collect();
        let has_one_format = at_path.iter().all(|other| has_pages(other) == has_pages(endpoint));
        check_other_methods(endpoint, &whole_service, &methods(&at_path), has_one_format).await?;
        let alone = endpoint.router(app.cx.clone());
        check_other_methods(endpoint, &alone, &methods(std::slice::from_ref(endpoint)), true).await?;
        Ok(Checked::Yes)
    })
    .await;
}

/// Returns `true` if the errors of the endpoint are pages.
fn has_pages(endpoint: &Endpoint) -> bool {
    matches!(endpoint.auth, Auth::Link | Auth::Session | Auth::OAuthState)
}

/// Returns the methods that the router takes for these endpoints of one path. A route with GET takes HEAD too.
fn methods(endpoints: &[Endpoint]) -> BTreeSet<String> {
    let names = endpoints.iter().map(|endpoint| endpoint.method.name());
    names.flat_map(|name| [name, if name == "GET" { "HEAD" } else { name }]).map(str::to_owned).collect()
}

/// Sends every method that the path does not have. `has_one_format` is `false` for a path with pages and API operations,
/// which may use either error format.
async fn check_other_methods(
    endpoint: &Endpoint,
    router: &axum::Router,
    methods: &BTreeSet<String>,
    has_one_format: bool,
) -> Result<(), String> {
    let path = sample(endpoint.function).path(endpoint);
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        if methods.contains(method.as_str()) {
            continue;
        }
        let request = Request::builder().method(method).uri(&path).body(axum::body::Body::empty()).unwrap();
        let response = send_request(router.clone(), request).await;
        let allow = response.headers.get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
        let allowed: BTreeSet<String> = allow.split(',').map(|method| method.trim().to_owned()).collect();
        check(&allowed == methods, || format!("Allow is {allowed:?} and not {methods:?}"))?;
        let status = StatusCode::METHOD_NOT_ALLOWED;
        match (has_one_format, has_pages(endpoint)) {
            (true, true) => check_page(&response, status)?,
            (true, false) => check_error(endpoint, &response, status, "METHOD_NOT_ALLOWED")?,
            (false, _) => check(response.status == status, || format!("the status is {}", response.status))?,
        }
    }
    Ok(())
}

/// Roles that have a scope, and the words by which an error names what is missing. The packets door names the lowest of
/// its roles instead.
fn roles_and_words(scope: Scope) -> (&'static [Role], &'static str) {
    use Role::{Admin, Agent, App, Operator, Reader, Writer};
    match scope {
        Scope::AccountRead => (&Role::ALL, ""),
        Scope::DecisionsRead => (&[Reader, Agent, Writer, App, Admin], "the right to read decisions"),
        Scope::DecisionsWrite => (&[Agent, Writer, App, Admin], "the right to create decisions"),
        Scope::DecisionsResolve => (&[App, Admin], "the role app or admin"),
        Scope::PacketsRead => (&[Reader, Agent, Writer, App, Admin], "a key of this account"),
        Scope::PacketsWork | Scope::HandoffsWrite => (&[Agent, Writer, App, Admin], "a role other than reader"),
        Scope::PacketsWrite | Scope::PacketsRespond | Scope::PacketsSchemas | Scope::HooksWrite => {
            (&[Writer, App, Admin], "the role writer, app or admin")
        }
        Scope::SlackWrite | Scope::SystemRead | Scope::HooksRetryAll | Scope::AuditRead => (&[Admin], "the role admin"),
        Scope::KeysWrite | Scope::TenantsRead => (&[Admin, Operator], "the role admin"),
        Scope::TenantsWrite => (&[Operator], "the role operator"),
    }
}

#[tokio::test]
async fn role_limits_operations_of_key() {
    check_every_endpoint(Case::MissingScope, check_roles).await;
}

async fn check_roles(endpoint: &Endpoint) -> Result<Checked, String> {
    let (Auth::ApiKey(scope) | Auth::ApiKeyOrSession(scope)) = endpoint.auth else { return Ok(Checked::NotApplicable) };
    let (roles, words) = roles_and_words(scope);
    for (role, key) in KEYS {
        let app = app_for(endpoint.function).await;
        let request = Sample { key: Some(key.to_owned()), ..sample(endpoint.function) };
        let response = invoke(endpoint, &app, &request.event(endpoint).to_string()).await;
        let is_allowed = roles.contains(&role);
        let is_of_asker = ["decisions-cancel", "decisions-consume", "decisions-execution"].contains(&endpoint.function);
        let result = if is_allowed && !(is_of_asker && role == Role::Writer) {
            check_success(&response)
        } else {
            // Writers may cancel decisions and use approvals, but not those of another key.
            let required = if is_allowed {
                "Only the key that asked".to_owned()
            } else {
                requirement(endpoint, roles, role, words)
            };
            check_error(endpoint, &response, StatusCode::FORBIDDEN, "FORBIDDEN").and_then(|()| {
                check(response.text.contains(&required), || format!("{} does not name {required}", response.text))
            })
        };
        result.map_err(|failure| format!("with the key of role {}: {failure}", role.name()))?;
    }
    check(roles.len() < Role::ALL.len(), || "every role has the scope".to_owned())?;
    Ok(Checked::Yes)
}

/// Returns the text that the error of a missing scope contains.
fn requirement(endpoint: &Endpoint, roles: &[Role], role: Role, words: &str) -> String {
    if packets::is_at(endpoint) {
        let lowest = roles[0].name();
        format!("Required role: {lowest}, current role: {}", role.name())
    } else {
        format!("it needs {words}")
    }
}
