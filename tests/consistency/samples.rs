//! One successful request for each operation, as API Gateway passes it to the function. Together they follow one
//! refund: the decision is created, read and answered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use handrail_domain::access::Role;
use handrail_testkit::Interaction;
use handrail_web::endpoint::{Auth, Endpoint};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::replay_app::{
    ADMIN, AGENT, APP, FILE, IDEMPOTENCY_KEY, NOW, ReplayApp, SESSION_COOKIE, SLACK_CODE, file_token, key_id,
    login_token, record_id, slack_click, slack_state, token, upload_token,
};
use crate::{packets, routes, tenants};

#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) key: Option<String>,
    /// Name and value of the path parameter.
    pub(crate) parameter: Option<(&'static str, String)>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Body>,
}

#[derive(Clone)]
pub(crate) enum Body {
    Json(Value),
    Form(String),
    /// Multipart form with one file.
    File {
        name: &'static str,
        bytes: &'static str,
        /// The form's `choice` field.
        choice: Option<&'static str>,
    },
}

/// Returns the sample of an operation. Panics if a new operation has none.
pub(crate) fn sample(function: &str) -> Sample {
    if let Some(sample) =
        packets::sample(function).or_else(|| routes::sample(function)).or_else(|| tenants::sample(function))
    {
        return sample;
    }
    let sample_by = |key: &str| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    };
    let decision = Some(("id", record_id().to_string()));
    let page = Sample { key: None, parameter: Some(("token", token())), ..sample_by("") };
    let from_own_page = headers(&[("cookie", SESSION_COOKIE), ("sec-fetch-site", "same-origin")]);
    let signed_in = Sample { key: None, headers: from_own_page, ..sample_by("") };
    match function {
        "decisions-create" => Sample {
            headers: vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())],
            body: Some(Body::Json(json!({
                "action": "Refund order 4711",
                "approver": "ada@example.com",
                "context": "The customer returned both items; the invoice is paid.",
                "urgency": "high",
                "timeout_minutes": 60,
                "amount": 129.5,
                "options": ["approve", "deny", "modify"],
                "callback_url": "https://agent.example.com/hooks/decisions",
            }))),
            ..sample_by(AGENT)
        },
        "decisions-list" => {
            Sample { query: vec![("status", "pending".to_owned()), ("limit", "20".to_owned())], ..sample_by(AGENT) }
        }
        "decisions-get"
        | "decisions-receipt"
        | "decisions-deliveries"
        | "decisions-callback-replay"
        | "decisions-attachments-list" => Sample { parameter: decision, ..sample_by(AGENT) },
        "decisions-resolve" => Sample {
            parameter: decision,
            body: Some(Body::Json(
                json!({"action": "approve", "notes": "Checked – fine.", "resolved_by": "ada@example.com"}),
            )),
            ..sample_by(APP)
        },
        "decisions-consume" => Sample {
            parameter: decision,
            body: Some(Body::Json(json!({"execution_id": EXECUTION_ID, "action_hash": action_hash()}))),
            ..sample_by(AGENT)
        },
        "decisions-execution" => Sample {
            parameter: decision,
            body: Some(Body::Json(json!({"outcome": "succeeded", "detail": "Refund 4711-1 was paid."}))),
            ..sample_by(AGENT)
        },
        "decisions-cancel" => Sample {
            parameter: decision,
            body: Some(Body::Json(json!({"reason": "The customer keeps the items."}))),
            ..sample_by(AGENT)
        },
        "decisions-attachments-add" => Sample {
            parameter: decision,
            body: Some(Body::File { name: "Größen.csv", bytes: "size,wanted\nM,1\n", choice: None }),
            ..sample_by(AGENT)
        },
        "decisions-attachments-invite" => Sample {
            parameter: decision,
            body: Some(Body::Json(json!({"name": "Rechnung 4711.pdf", "size": FILE.len()}))),
            ..sample_by(AGENT)
        },
        "decisions-attachments-complete" => Sample { parameter: Some(("token", upload_token())), ..sample_by(AGENT) },
        "docs-openapi-door" => {
            Sample { key: None, parameter: Some(("door", "packets.json".to_owned())), ..sample_by("") }
        }
        "files-get" => Sample { parameter: Some(("token", file_token())), ..page },
        "decisions-page-show" => page,
        "decisions-page-answer" => {
            Sample { body: Some(Body::Form("choice=approve&notes=Looks+right%2E".to_owned())), ..page }
        }
        "auth-me" => sample_by(AGENT),
        "auth-keys-create" => Sample {
            headers: vec![("idempotency-key", "setup-4711".to_owned())],
            body: Some(Body::Json(json!({
                "name": "refund agent",
                "role": "agent",
                "approvers": ["ada@example.com"],
                "requests_per_minute": 600,
            }))),
            ..sample_by(ADMIN)
        },
        "auth-keys-list" | "slack-install" | "audit-export" | "audit-checkpoint" | "audit-key" => sample_by(ADMIN),
        "slack-oauth-callback" => Sample {
            key: None,
            query: vec![("code", SLACK_CODE.to_owned()), ("state", slack_state())],
            ..sample_by("")
        },
        "auth-keys-change" => Sample {
            parameter: Some(("id", key_id(Role::Agent).to_string())),
            body: Some(Body::Json(json!({"approvers": ["ada@example.com"], "decisions_per_month": 1000}))),
            ..sample_by(ADMIN)
        },
        "auth-keys-get" | "auth-keys-revoke" => {
            Sample { parameter: Some(("id", key_id(Role::Agent).to_string())), ..sample_by(ADMIN) }
        }
        "auth-rules-dry-run" => Sample {
            parameter: Some(("id", key_id(Role::Agent).to_string())),
            body: Some(Body::Json(json!({
                "days": 30,
                "rules": [{"name": "small refunds", "match": {"amount_lt": 50}, "effect": "approve"}],
            }))),
            ..sample_by(ADMIN)
        },
        "auth-login-request" => {
            Sample { key: None, body: Some(Body::Json(json!({"email": "holder@example.com"}))), ..sample_by("") }
        }
        "auth-login-show" | "auth-login-use" => Sample { parameter: Some(("token", login_token())), ..page },
        "account-show" | "auth-logout" | "slack-install-visit" => signed_in,
        "account-key-create" => Sample {
            body: Some(Body::Form("name=Refund+agent&role=agent&nonce=00112233445566778899aabbccddeeff".to_owned())),
            ..signed_in
        },
        "account-key-revoke" => Sample { parameter: Some(("id", key_id(Role::Agent).to_string())), ..signed_in },
        "slack-interactions" => slack_sample(&slack_click("approve")),
        "health" | "jwks" | "docs-openapi" | "docs-page" => Sample { key: None, ..sample_by("") },
        other => panic!("{other} is a new operation: add its sample here"),
    }
}

/// Name of the execution that uses the approval.
const EXECUTION_ID: &str = "refund-4711-1";

/// Hash of the action that the `decisions-create` sample asks for.
fn action_hash() -> String {
    handrail_domain::decision::action_hash("Refund order 4711", None, None)
}

pub(crate) fn headers(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// Returns the sample of a Slack interaction, as signed by Slack.
pub(crate) fn slack_sample(interaction: &Interaction) -> Sample {
    let (body, headers) = interaction.signed();
    let headers = headers.into_iter().filter(|(name, _)| *name != "content-type").collect();
    Sample { key: None, parameter: None, query: Vec::new(), headers, body: Some(Body::Form(body)) }
}

const BOUNDARY: &str = "a-boundary";

/// Returns a multipart body with the default content type, as a client sends that does not know the file's type.
fn multipart(name: &str, bytes: &str, choice: Option<&str>) -> String {
    let choice = choice
        .map(|choice| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"choice\"\r\n\r\n{choice}\r\n"));
    choice.unwrap_or_default()
        + &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n{bytes}\r\n--{BOUNDARY}--\r\n"
        )
}

impl Sample {
    pub(crate) fn path(&self, endpoint: &Endpoint) -> String {
        self.parameters(endpoint)
            .into_iter()
            .fold(endpoint.path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value))
    }

    /// Names and values of the path parameters. A second one is always the name of an execution.
    fn parameters(&self, endpoint: &Endpoint) -> Vec<(&'static str, &str)> {
        let execution = endpoint.path.contains("{execution_id}").then_some(("execution_id", EXECUTION_ID));
        self.parameter.iter().map(|(name, value)| (*name, value.as_str())).chain(execution).collect()
    }

    /// Returns the event of API Gateway's HTTP API, payload format 2.0.
    pub(crate) fn event(&self, endpoint: &Endpoint) -> Value {
        let (method, path) = (endpoint.method.to_http(), self.path(endpoint));
        let route = format!("{method} {}", endpoint.path);
        let is_page = matches!(endpoint.auth, Auth::Link | Auth::Session | Auth::OAuthState);
        let agent = if is_page { "Mozilla/5.0" } else { "refund-agent/1.0" };
        let query: Vec<String> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = self.all_headers(endpoint, is_page, agent);
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": path,
            "rawQueryString": query.join("&"),
            "headers": headers,
        });
        let to_object =
            |pairs: Vec<(&str, &str)>| pairs.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect::<Map<_, _>>();
        if !self.query.is_empty() {
            event["queryStringParameters"] =
                to_object(self.query.iter().map(|(n, v)| (*n, v.as_str())).collect()).into();
        }
        let parameters = self.parameters(endpoint);
        if !parameters.is_empty() {
            event["pathParameters"] = to_object(parameters).into();
        }
        event["requestContext"] = json!({
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "decisions.example.com",
            "domainPrefix": "decisions",
            "http": {
                "method": method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                // API Gateway appends the address of the client to this header.
                "sourceIp": headers.get("x-forwarded-for"),
                "userAgent": agent,
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "21/Sep/2026:14:13:20 +0000",
            "timeEpoch": NOW.as_unix_ms(),
        });
        // API Gateway encodes every body that is not JSON or plain text.
        match &self.body {
            Some(Body::Json(body)) => event["body"] = body.to_string().into(),
            Some(Body::Form(body)) => event["body"] = BASE64_STANDARD.encode(body).into(),
            Some(Body::File { name, bytes, choice }) => {
                event["body"] = BASE64_STANDARD.encode(multipart(name, bytes, *choice)).into();
            }
            None => {}
        }
        event["isBase64Encoded"] = matches!(self.body, Some(Body::Form(_) | Body::File { .. })).into();
        event
    }

    fn all_headers(&self, endpoint: &Endpoint, is_page: bool, agent: &str) -> BTreeMap<&str, String> {
        let mut headers = BTreeMap::from([
            ("accept", if is_page { "text/html,application/xhtml+xml" } else { "application/json" }.to_owned()),
            ("host", "decisions.example.com".to_owned()),
            ("user-agent", agent.to_owned()),
            ("x-amzn-trace-id", "Root=1-6ab13b80-000000000000000000000001".to_owned()),
            ("x-forwarded-for", "192.0.2.10".to_owned()),
            ("x-forwarded-port", "443".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
        ]);
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.clone())));
        headers.extend(self.key.as_ref().map(|key| match packets::is_at(endpoint) {
            true => ("x-api-key", key.clone()),
            false => ("authorization", format!("Bearer {key}")),
        }));
        let (content_type, length) = match &self.body {
            Some(Body::Json(body)) => ("application/json", body.to_string().len()),
            Some(Body::Form(body)) => ("application/x-www-form-urlencoded", body.len()),
            Some(Body::File { name, bytes, choice }) => {
                (&*format!("multipart/form-data; boundary={BOUNDARY}"), multipart(name, bytes, *choice).len())
            }
            None => return headers,
        };
        headers.extend([("content-type", content_type.to_owned()), ("content-length", length.to_string())]);
        headers
    }
}

pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Returns `true` for a success status. Page answers redirect to the outcome, and file links to the bucket.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success() || [StatusCode::SEE_OTHER, StatusCode::FOUND].contains(&self.status)
    }
}

/// Passes an event to a function, as Lambda does.
pub(crate) async fn invoke(endpoint: &Endpoint, app: &ReplayApp, event: &str) -> Response {
    let request = lambda_http::request::from_str(event).expect("lambda_http reads the event");
    send_request(endpoint.router(app.cx.clone()), request).await
}

pub(crate) async fn send_request<B>(router: axum::Router, request: http::Request<B>) -> Response
where
    B: axum::body::HttpBody<Data = axum::body::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let response = router.oneshot(request).await.expect("a router always responds");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a response body ends").to_bytes();
    Response { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&body).into_owned() }
}
