//! CORS, equal to the HTTP API's settings on AWS: scripts of the listed origins, or of any, may call everything that takes
//! an API key or a signed URL, without cookies.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};

pub const METHODS: [&str; 5] = ["DELETE", "GET", "PATCH", "POST", "PUT"];
/// Allowed request headers: all, and by name those that `*` does not cover, or not in older browsers.
pub const HEADERS: [&str; 5] = ["*", "authorization", "content-type", "idempotency-key", "x-api-key"];
pub const EXPOSED: [&str; 7] = [
    "retry-after",
    "x-next-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-tier",
    "x-request-id",
];
pub const MAX_AGE_SECONDS: u32 = 600;

/// Returns `false` for local pages: they show mail and webhooks without a key, so other origins must not read them.
fn is_open(path: &str) -> bool {
    path != "/" && (!path.starts_with("/local") || path.starts_with("/local/files/"))
}

/// Origins whose scripts may call the API. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CorsOrigins {
    #[default]
    All,
    Listed(Vec<String>),
}

/// Origins in a list at most.
const ORIGINS_MAX: usize = 100;

impl CorsOrigins {
    /// Parses `*`, or origins separated by commas. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::All);
        }
        let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        if origins.len() > ORIGINS_MAX {
            return Err(format!("has more than {ORIGINS_MAX} origins"));
        }
        // A browser sends an origin in lower case and without a path, and the two are compared as text.
        let is_origin = |text: &str| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
            let is_host_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
            !host.is_empty() && host.bytes().all(is_host_byte)
        };
        match origins.iter().find(|origin| !is_origin(origin)) {
            Some(wrong) => Err(format!("{wrong} is not an origin such as https://app.example.com")),
            None => Ok(Self::Listed(origins)),
        }
    }

    /// Returns the `Access-Control-Allow-Origin` header for a request, or `None` if its origin may not read the
    /// response.
    fn allowed(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::All => Some(HeaderValue::from_static("*")),
            Self::Listed(origins) => {
                origin.filter(|origin| origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())).cloned()
            }
        }
    }
}

pub(crate) async fn cors(State(origins): State<CorsOrigins>, request: Request, next: Next) -> Response {
    if !is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    // Presigned uploads, which go to S3 on AWS.
    let is_upload = request.uri().path().starts_with("/local/files/");
    let allowed_origin = origins.allowed(request.headers().get(ORIGIN));
    let mut response = if is_preflight { preflight_response(is_upload) } else { next.run(request).await };
    let headers = response.headers_mut();
    if origins != CorsOrigins::All {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    let Some(allowed_origin) = allowed_origin else { return response };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed_origin);
    if let Ok(exposed) = HeaderValue::from_str(&EXPOSED.join(",")) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

fn preflight_response(is_upload: bool) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let methods = if is_upload { "PUT".to_owned() } else { METHODS.join(",") };
    let allowed_lists = [(ACCESS_CONTROL_ALLOW_METHODS, methods), (ACCESS_CONTROL_ALLOW_HEADERS, HEADERS.join(","))];
    for (name, list) in allowed_lists {
        if let Ok(value) = HeaderValue::from_str(&list) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_SECONDS));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_origins_alone_are_allowed() {
        let origins = CorsOrigins::parse("https://app.example.com, http://localhost:3000").unwrap();
        let allowed = |origin: &'static str| origins.allowed(Some(&HeaderValue::from_static(origin)));
        for origin in ["https://app.example.com", "http://localhost:3000"] {
            assert_eq!(allowed(origin), Some(HeaderValue::from_static(origin)));
        }
        for origin in ["https://app.example.com:444", "http://app.example.com", "https://example.com", "null", "*"] {
            assert_eq!(allowed(origin), None, "{origin}");
        }
        assert_eq!(origins.allowed(None), None);
        assert_eq!(CorsOrigins::parse("*").unwrap().allowed(None), Some(HeaderValue::from_static("*")));
    }

    #[test]
    fn text_that_is_no_origin_is_refused() {
        for text in ["", "example.com", "https://example.com/", "https://example.com/app", "ftp://example.com", "*,*"] {
            assert!(CorsOrigins::parse(text).is_err(), "{text}");
        }
    }
}
