//! Access to the local pages, which show the admin key and all mail without an API key.
//!
//! Pages of other origins can send requests here (known by `Origin`), and a DNS name that resolves to this machine lets
//! its pages read the responses (known by `Host`). Both are refused.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

pub(super) async fn require_local(request: Request, next: Next) -> Response {
    // Upload URLs are signed, so any origin may use them.
    if request.uri().path().starts_with("/local/files/") {
        return next.run(request).await;
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    if is_allowed(request.headers(), authority, is_read) {
        return next.run(request).await;
    }
    let error = "these pages are for this machine alone: ask for them at 127.0.0.1 or localhost";
    (StatusCode::FORBIDDEN, axum::Json(json!({ "error": error }))).into_response()
}

fn is_allowed(headers: &HeaderMap, authority: Option<&str>, is_read: bool) -> bool {
    let host = headers.get(HOST).map_or(Some(authority), |host| host.to_str().ok().map(Some));
    // Browsers always send a host; a malformed one is refused.
    let Some(host) = host else { return false };
    let origin_of_write = headers.get(ORIGIN).filter(|_| !is_read);
    let origin = origin_of_write.map(|origin| origin.to_str().ok().and_then(|origin| origin.split_once("://")));
    host.is_none_or(is_loopback) && origin.is_none_or(|origin| origin.is_some_and(|(_, host)| is_loopback(host)))
}

/// Returns `true` for loopback names and addresses, with or without port.
fn is_loopback(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_local() {
        for name in
            ["localhost", "LocalHost:8787", "app.localhost:1", "127.0.0.1", "127.8.8.8:80", "[::1]:8787", "[::1]"]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in
            ["", "null", "example.com", "localhost.example.com:80", "127.0.0.1.example.com", "[::2]", "10.0.0.1"]
        {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn writes_from_other_origins_are_refused() {
        let headers = |origin: &'static str| HeaderMap::from_iter([(ORIGIN, http::HeaderValue::from_static(origin))]);
        for (origin, is_read, expected) in [
            ("http://127.0.0.1:8787", false, true),
            ("http://localhost:3000", false, true),
            ("https://example.com", false, false),
            ("null", false, false),
            // The browser keeps other origins from reading the response.
            ("https://example.com", true, true),
        ] {
            assert_eq!(is_allowed(&headers(origin), Some("127.0.0.1:8787"), is_read), expected, "{origin}");
        }
        assert!(is_allowed(&HeaderMap::new(), None, false), "a program");
    }
}
