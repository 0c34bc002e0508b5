//! Who may see the local pages: they show the admin's key and every mail to whoever asks, and they ask for no key.
//!
//! A browser lets any page send requests here, and lets a page whose name was made to lead to this machine read the answers
//! too. The one is known by its `Origin`, the other by the name that the browser asked for.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

pub(super) async fn from_here_only(request: Request, next: Next) -> Response {
    // Signed addresses, which say themselves who may use them.
    if request.uri().path().starts_with("/local/files/") {
        return next.run(request).await;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let asked_for = request.uri().authority().map(http::uri::Authority::as_str);
    if is_ours(request.headers(), asked_for, reads) {
        return next.run(request).await;
    }
    let error = "these pages are for this machine alone: ask for them at 127.0.0.1 or localhost";
    (StatusCode::FORBIDDEN, axum::Json(json!({ "error": error }))).into_response()
}

fn is_ours(headers: &HeaderMap, asked_for: Option<&str>, reads: bool) -> bool {
    let host = headers.get(HOST).map_or(Some(asked_for), |host| host.to_str().ok().map(Some));
    // No browser leaves it out.
    let Some(host) = host else { return false };
    let from_a_page = headers.get(ORIGIN).filter(|_| !reads);
    let origin = from_a_page.map(|origin| origin.to_str().ok().and_then(|origin| origin.split_once("://")));
    host.is_none_or(is_this_machine)
        && origin.is_none_or(|origin| origin.is_some_and(|(_, host)| is_this_machine(host)))
}

/// A name with its port, if it has one.
fn is_this_machine(authority: &str) -> bool {
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
    fn only_names_of_this_machine_are_this_machine() {
        for name in
            ["localhost", "LocalHost:8787", "app.localhost:1", "127.0.0.1", "127.8.8.8:80", "[::1]:8787", "[::1]"]
        {
            assert!(is_this_machine(name), "{name}");
        }
        for name in
            ["", "null", "example.com", "localhost.example.com:80", "127.0.0.1.example.com", "[::2]", "10.0.0.1"]
        {
            assert!(!is_this_machine(name), "{name}");
        }
    }

    #[test]
    fn a_page_from_elsewhere_changes_nothing() {
        let headers = |origin: &'static str| HeaderMap::from_iter([(ORIGIN, http::HeaderValue::from_static(origin))]);
        for (origin, reads, expected) in [
            ("http://127.0.0.1:8787", false, true),
            ("http://localhost:3000", false, true),
            ("https://example.com", false, false),
            ("null", false, false),
            // What it may not read the browser keeps from it.
            ("https://example.com", true, true),
        ] {
            assert_eq!(is_ours(&headers(origin), Some("127.0.0.1:8787"), reads), expected, "{origin}");
        }
        assert!(is_ours(&HeaderMap::new(), None, false), "a program");
    }
}
