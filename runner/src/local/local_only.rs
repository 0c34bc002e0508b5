//! Access to the local pages, which show the admin key and all mail.
//!
//! A request from this machine needs no key. Pages of other origins can send requests here (known by `Origin`), and a
//! DNS name that resolves to this machine lets its pages read the responses (known by `Host`): both are refused. A
//! service that listens for other machines too shows them the pages only for an admin key.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handrail_access::{AccessError, authenticate};
use handrail_domain::access::Role;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::response::LocalFault;
use super::state::Local;

pub(super) async fn require_local(
    State(local): State<Local>,
    request: Request,
    next: Next,
) -> Result<Response, LocalFault> {
    // Upload URLs are signed, so any origin may use them.
    if request.uri().path().starts_with("/local/files/") {
        return Ok(next.run(request).await);
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let is_allowed = is_allowed_without_key(request.headers(), authority, is_read, peer)
        || is_allowed_with_key(request.headers(), authority, is_read)
            && has_admin_key(&local, request.headers()).await?;
    if is_allowed {
        return Ok(next.run(request).await);
    }
    if is_this_machine(peer) {
        let error = "these pages are for this machine alone: ask for them at 127.0.0.1 or localhost";
        return Ok((StatusCode::FORBIDDEN, axum::Json(json!({ "error": error }))).into_response());
    }
    let error = "from another machine these pages need an admin key: as a Bearer token, or as the password of any user";
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"Handrail: any user, and an admin key as the password\"")];
    Ok((StatusCode::UNAUTHORIZED, challenge, axum::Json(json!({ "error": error }))).into_response())
}

fn is_this_machine(peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|peer| peer.to_canonical().is_loopback())
}

fn is_allowed_without_key(headers: &HeaderMap, authority: Option<&str>, is_read: bool, peer: Option<IpAddr>) -> bool {
    // Browsers always send a host; a malformed one is refused.
    let Some(host) = host_of(headers, authority) else { return false };
    let origin = origin_of_write(headers, is_read);
    is_this_machine(peer) && host.is_none_or(is_loopback) && origin.is_none_or(|origin| origin.is_some_and(is_loopback))
}

/// A browser adds a password that it knows to requests of other origins too, so their writes are refused.
fn is_allowed_with_key(headers: &HeaderMap, authority: Option<&str>, is_read: bool) -> bool {
    let Some(host) = host_of(headers, authority) else { return false };
    origin_of_write(headers, is_read).is_none_or(|origin| origin.is_some() && origin == host)
}

/// Returns the host that the request is for, if it names one. `None` if it is malformed.
fn host_of<'a>(headers: &'a HeaderMap, authority: Option<&'a str>) -> Option<Option<&'a str>> {
    headers.get(HOST).map_or(Some(authority), |host| host.to_str().ok().map(Some))
}

/// Returns the host of the origin that a write comes from, if a browser names one: `Some(None)` if it is malformed.
fn origin_of_write(headers: &HeaderMap, is_read: bool) -> Option<Option<&str>> {
    let origin = headers.get(ORIGIN).filter(|_| !is_read)?;
    Some(origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host))
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

/// Returns `true` if the request carries an admin key of the tenant whose pages these are.
async fn has_admin_key(local: &Local, headers: &HeaderMap) -> Result<bool, LocalFault> {
    let (Some(tenant), Some(credential)) = (local.tenant, credential(headers)) else { return Ok(false) };
    match authenticate(&local.cx, &credential).await {
        Ok(key) => Ok(key.tenant == tenant && key.role == Role::Admin),
        Err(AccessError::Fault(fault)) => Err(fault.into()),
        Err(_) => Ok(false),
    }
}

/// Returns the token of a `Bearer` header or the password of a `Basic` header.
fn credential(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    let pair = STANDARD.decode(value.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SELF: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    fn headers(pairs: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), http::HeaderValue::from_static(value))).collect()
    }

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
        for (origin, is_read, expected) in [
            ("http://127.0.0.1:8787", false, true),
            ("http://localhost:3000", false, true),
            ("https://example.com", false, false),
            ("null", false, false),
            // The browser keeps other origins from reading the response.
            ("https://example.com", true, true),
        ] {
            let headers = headers(&[(ORIGIN, origin)]);
            assert_eq!(is_allowed_without_key(&headers, Some("127.0.0.1:8787"), is_read, SELF), expected, "{origin}");
        }
        assert!(is_allowed_without_key(&HeaderMap::new(), None, false, SELF), "a program");
    }

    #[test]
    fn other_machines_need_a_key_whatever_host_they_name() {
        for peer in ["172.17.0.1", "192.0.2.1", "::ffff:10.0.0.7", "2001:db8::1"] {
            let peer = Some(peer.parse().unwrap());
            for host in ["localhost:8787", "127.0.0.1:8787", "handrail.example.com"] {
                assert!(!is_allowed_without_key(&headers(&[(HOST, host)]), None, true, peer), "{peer:?} {host}");
            }
        }
        assert!(!is_allowed_without_key(&HeaderMap::new(), None, true, None), "an unknown peer");
        assert!(is_allowed_without_key(&HeaderMap::new(), None, true, Some("::ffff:127.0.0.1".parse().unwrap())));
    }

    #[test]
    fn known_password_does_not_let_other_origins_write() {
        let page = |origin| headers(&[(HOST, "handrail.example.com"), (ORIGIN, origin)]);
        assert!(is_allowed_with_key(&page("https://handrail.example.com"), None, false));
        assert!(is_allowed_with_key(&headers(&[(HOST, "handrail.example.com")]), None, false), "a program");
        for origin in ["https://example.com", "null", "http://localhost:8787"] {
            assert!(!is_allowed_with_key(&page(origin), None, false), "{origin}");
            assert!(is_allowed_with_key(&page(origin), None, true), "{origin}");
        }
    }

    #[test]
    fn key_is_a_bearer_token_or_a_password() {
        // `anybody:ho_key:1` in base64.
        for text in ["Bearer ho_key:1", "bearer  ho_key:1", "Basic YW55Ym9keTpob19rZXk6MQ=="] {
            assert_eq!(credential(&headers(&[(AUTHORIZATION, text)])).as_deref(), Some("ho_key:1"), "{text}");
        }
        for text in ["Basic", "Basic ???", "Basic aG9fa2V5", "Digest ho_key"] {
            assert_eq!(credential(&headers(&[(AUTHORIZATION, text)])), None, "{text}");
        }
    }
}
