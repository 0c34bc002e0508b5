//! What a script on somebody else's page may ask of this service, as the HTTP API says it on AWS: everything that a key or
//! a signed address opens, with nothing that the browser adds by itself.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
};
use http::{HeaderValue, Method, StatusCode};

pub const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];
/// Any that a script brings. Those by name that the star does not mean, or not to an older browser.
pub const HEADERS: [&str; 5] = ["*", "authorization", "content-type", "idempotency-key", "x-api-key"];
pub const EXPOSED: [&str; 6] = [
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-tier",
    "x-request-id",
];
pub const MAX_AGE_SECONDS: u32 = 600;

/// The pages that only a laptop has show mail and webhooks to whoever asks: no other page may read them.
fn is_open(path: &str) -> bool {
    path != "/" && (!path.starts_with("/local") || path.starts_with("/local/files/"))
}

pub(crate) async fn cors(request: Request, next: Next) -> Response {
    if !is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let asks_first =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    // Where S3 stands in on AWS.
    let puts = request.uri().path().starts_with("/local/files/");
    let mut response = if asks_first { allowed(puts) } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Ok(exposed) = HeaderValue::from_str(&EXPOSED.join(",")) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn allowed(puts: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = if puts { "PUT".to_owned() } else { METHODS.join(",") };
    let lists = [(ACCESS_CONTROL_ALLOW_METHODS, methods), (ACCESS_CONTROL_ALLOW_HEADERS, HEADERS.join(","))];
    for (name, list) in lists {
        if let Ok(value) = HeaderValue::from_str(&list) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_SECONDS));
    response
}
