//! The session of a person in an HTTP request: a cookie, or a bearer token of a program.
//!
//! A browser sends a cookie with every request, whichever page caused it. A request with a cookie counts only when the
//! browser states that it comes from a page of this service; see docs/decisions/0011-a-login-is-a-record.md.

use axum::extract::FromRequestParts;
use http::header::{COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::headers::bearer_token;
use crate::problem::Problem;
use handrail_access::session::{SESSION_TTL_MS, SignedInUser, TOKEN_PREFIX, user_of_token};
use handrail_access::{RateLimit, check_limit};
use handrail_context::cx::Cx;

const COOKIES_READ_MAX: usize = 50;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Extracts the signed-in person of a page request, or `None` without a valid session.
pub struct OptionalUser(pub Option<SignedInUser>);

impl FromRequestParts<Cx> for OptionalUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let token = match (bearer_token(&parts.headers), find_cookie(&parts.headers, cookie_name(cx))) {
            (None, Some(_)) if is_write(&parts.method) && !is_same_origin(&parts.headers) => {
                return Err(cross_site_problem());
            }
            (Some(token), _) | (None, Some(token)) => token,
            (None, None) => return Ok(Self(None)),
        };
        let user = user_of_token(cx, token).await?;
        if let Some(user) = &user {
            check_limit(cx, RateLimit::per_tenant(&user.tenant)).await?;
        }
        Ok(Self(user))
    }
}

/// Finds the person of an API request, by `Authorization: Bearer hs_…` or by the session cookie from a page of ours.
/// Returns `None` if the request has neither.
pub async fn user_of_request(parts: &Parts, cx: &Cx) -> Result<Option<SignedInUser>, Problem> {
    let token = match bearer_token(&parts.headers) {
        Some(token) if token.starts_with(TOKEN_PREFIX) => token,
        Some(_) => return Ok(None),
        None => match find_cookie(&parts.headers, cookie_name(cx)) {
            Some(_) if !is_same_origin(&parts.headers) => return Err(cross_site_problem()),
            Some(token) => token,
            None => return Ok(None),
        },
    };
    match user_of_token(cx, token).await? {
        Some(user) => Ok(Some(user)),
        None => Err(Problem::refused(
            StatusCode::UNAUTHORIZED,
            "INVALID_SESSION",
            "This session does not exist or has ended: sign in again",
        )),
    }
}

pub fn cross_site_problem() -> Problem {
    Problem::refused(
        StatusCode::FORBIDDEN,
        "CROSS_SITE",
        "This request has a session cookie but does not come from a page of this service",
    )
}

fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Returns `true` if the browser states that a page of this origin sent the request.
///
/// Browsers state this in `Sec-Fetch-Site`; older ones send the origin of the page in `Origin` with every POST. A
/// request without both headers does not count as same-origin.
pub fn is_same_origin(headers: &HeaderMap) -> bool {
    match (headers.get(&SEC_FETCH_SITE), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_same_host(origin, headers.get(HOST)),
        (None, None) => false,
    }
}

/// Returns `true` if the browser states that a page of another origin sent the request.
///
/// For requests that need no cookie: programs send them too, without these headers.
pub fn is_cross_origin(headers: &HeaderMap) -> bool {
    let is_from_browser = headers.contains_key(&SEC_FETCH_SITE) || headers.contains_key(ORIGIN);
    is_from_browser && !is_same_origin(headers)
}

fn is_same_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let host_of = |origin: &HeaderValue| {
        let (_, host) = origin.to_str().ok()?.split_once("://")?;
        Some(host.to_ascii_lowercase())
    };
    let host = host.and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    host.is_some() && host_of(origin) == host
}

/// Returns `true` if the public origin has no TLS, such as a local one. Its cookie is not `Secure`.
fn is_http(cx: &Cx) -> bool {
    cx.settings.origin.as_deref().is_some_and(|origin| origin.starts_with("http://"))
}

/// Returns the name of the session cookie. Browsers accept the prefix `__Host-` only over TLS and from the host itself.
fn cookie_name(cx: &Cx) -> &'static str {
    if is_http(cx) { "handrail-session" } else { "__Host-handrail-session" }
}

/// Builds the `Set-Cookie` header; `None` for the token deletes the cookie. The path is `/`, so the cookie is sent
/// under every prefix.
pub fn set_cookie_header(cx: &Cx, token: Option<&str>) -> HeaderValue {
    let secure = if is_http(cx) { "" } else { " Secure;" };
    let (value, age) = match token {
        Some(token) => (token, SESSION_TTL_MS / 1000),
        None => ("", 0),
    };
    let text = format!("{}={value}; Path=/; Max-Age={age};{secure} HttpOnly; SameSite=Lax", cookie_name(cx));
    // Never fails: a token has only letters, digits, `-` and `_`.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = pairs.flat_map(|cookies| cookies.split(';')).take(COOKIES_READ_MAX);
    pairs.find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name && !value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn only_matching_origin_is_same_origin() {
        let host = ("host", "handrail.example");
        for (pairs, same_origin, cross_origin) in [
            (&[host, ("sec-fetch-site", "same-origin")][..], true, false),
            (&[host, ("sec-fetch-site", "same-origin"), ("origin", "null")], true, false),
            (&[host, ("origin", "https://handrail.example")], true, false),
            (&[host, ("origin", "https://HANDRAIL.example")], true, false),
            (&[host, ("sec-fetch-site", "same-site"), ("origin", "https://handrail.example")], false, true),
            (&[host, ("sec-fetch-site", "cross-site")], false, true),
            (&[host, ("sec-fetch-site", "none")], false, true),
            (&[host, ("origin", "https://evil.example")], false, true),
            (&[host, ("origin", "https://handrail.example.evil.example")], false, true),
            (&[host, ("origin", "https://handrail.example:444")], false, true),
            (&[host, ("origin", "null")], false, true),
            (&[("origin", "null")], false, true),
            (&[host], false, false),
        ] {
            let headers = headers(pairs);
            assert_eq!((is_same_origin(&headers), is_cross_origin(&headers)), (same_origin, cross_origin), "{pairs:?}");
        }
    }

    #[test]
    fn cookie_is_found_by_full_name() {
        let found = |text: &'static str| find_cookie(&headers(&[("cookie", text)]), "s").map(str::to_owned);
        assert_eq!(found("a=1; s=token; b=2").as_deref(), Some("token"));
        assert_eq!(found("s=a=b").as_deref(), Some("a=b"));
        for text in ["", "s", "s=", "xs=token", "S=token", ";;;=;"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
