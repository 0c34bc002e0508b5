//! People who signed in: a secret in a cookie or in a program's hands, kept here as its hash.
//!
//! A cookie is sent by a browser whoever made it send something. So a request that comes with one counts only when the
//! browser says that it comes from a page of ours; see docs/decisions/0011-a-login-is-a-record.md.

use axum::extract::FromRequestParts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::account::Account;
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;
use http::header::{COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::access::{Allowance, take};
use crate::cx::Cx;
use crate::extract::bearer;
use crate::fault::Fault;
use crate::master::hash_of_key;
use crate::problem::Problem;
use crate::store::Session;

/// A working day. Whoever comes back tomorrow asks for another mail.
pub const SESSION_LIVES_MS: i64 = 12 * 60 * 60 * 1000;
pub const TOKEN_PREFIX: &str = "hs_";
/// A prefix and 256 bits.
const TOKEN_CHARS: usize = TOKEN_PREFIX.len() + 43;
const COOKIES_READ_MAX: usize = 50;

static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A person, and the account that is theirs.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub account: Account,
    hash: String,
}

/// A session that is about to begin: its secret, and what is kept of it.
pub struct NewSession {
    pub token: String,
    pub hash: String,
    pub session: Session,
}

impl NewSession {
    pub fn of(cx: &Cx, tenant: TenantId, email: EmailAddress) -> Self {
        let token = format!("{TOKEN_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(cx.entropy.bytes::<32>()));
        let created_at = cx.clock.now();
        let session = Session { tenant, email, created_at, expires_at: created_at.plus_ms(SESSION_LIVES_MS) };
        Self { hash: hash_of_key(&token), token, session }
    }
}

/// Whose session this is, if it is one that has not ended.
pub async fn signed_in(cx: &Cx, token: &str) -> Result<Option<SignedIn>, Fault> {
    if token.len() != TOKEN_CHARS || !token.starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    let hash = hash_of_key(token);
    let now = cx.clock.now();
    let Some(session) = cx.store.session(&hash).await?.filter(|session| now < session.expires_at) else {
        return Ok(None);
    };
    let account = cx.store.account(session.tenant).await?;
    Ok(account.filter(|account| account.is_held_by(&session.email)).map(|account| SignedIn { account, hash }))
}

impl SignedIn {
    pub async fn sign_out(&self, cx: &Cx) -> Result<(), Fault> {
        cx.store.end_session(&self.hash).await
    }
}

/// Who comes, if they signed in.
pub struct Visitor(pub Option<SignedIn>);

impl FromRequestParts<Cx> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let token = match (bearer(&parts.headers), cookie(&parts.headers, cookie_name(cx))) {
            (None, Some(_)) if writes(&parts.method) && !is_from_own_page(&parts.headers) => return Err(cross_site()),
            (Some(token), _) | (None, Some(token)) => token,
            (None, None) => return Ok(Self(None)),
        };
        let visitor = signed_in(cx, token).await?;
        if let Some(visitor) = &visitor {
            take(cx, Allowance::of_account(&visitor.account)).await?;
        }
        Ok(Self(visitor))
    }
}

/// The person behind an API request: by `Authorization: Bearer hs_…`, or by the cookie from a page of ours.
///
/// `None`: the request brings neither.
pub async fn person(parts: &Parts, cx: &Cx) -> Result<Option<SignedIn>, Problem> {
    let token = match bearer(&parts.headers) {
        Some(token) if token.starts_with(TOKEN_PREFIX) => token,
        Some(_) => return Ok(None),
        None => match cookie(&parts.headers, cookie_name(cx)) {
            Some(_) if !is_from_own_page(&parts.headers) => return Err(cross_site()),
            Some(token) => token,
            None => return Ok(None),
        },
    };
    match signed_in(cx, token).await? {
        Some(person) => Ok(Some(person)),
        None => Err(Problem::refused(
            StatusCode::UNAUTHORIZED,
            "INVALID_SESSION",
            "This session does not exist or has ended: sign in again",
        )),
    }
}

pub fn cross_site() -> Problem {
    Problem::refused(
        StatusCode::FORBIDDEN,
        "CROSS_SITE",
        "This request comes with a session's cookie and not from a page of this service",
    )
}

fn writes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Does the browser say that a page of this origin made it send this?
///
/// Browsers say so in `Sec-Fetch-Site`; those that don't yet say whose page it was in `Origin`, with every POST. A request
/// that says neither comes from no browser that could be trusted with a cookie.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    match (headers.get(&SEC_FETCH_SITE), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_own(origin, headers.get(HOST)),
        (None, None) => false,
    }
}

/// The same for a request whose authority is not the browser's cookie but what is in the request: a program sends it too,
/// and says nothing of pages.
pub fn is_from_strange_page(headers: &HeaderMap) -> bool {
    let says = headers.contains_key(&SEC_FETCH_SITE) || headers.contains_key(ORIGIN);
    says && !is_from_own_page(headers)
}

fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let host_of = |origin: &HeaderValue| {
        let (_, host) = origin.to_str().ok()?.split_once("://")?;
        Some(host.to_ascii_lowercase())
    };
    let host = host.and_then(|host| host.to_str().ok()).map(str::to_ascii_lowercase);
    host.is_some() && host_of(origin) == host
}

/// Only an origin without TLS, such as a laptop's, gets a cookie without `Secure`.
fn is_plain(cx: &Cx) -> bool {
    cx.settings.origin.as_deref().is_some_and(|origin| origin.starts_with("http://"))
}

/// A browser takes a cookie of the first name only over TLS and from this very host.
fn cookie_name(cx: &Cx) -> &'static str {
    if is_plain(cx) { "handrail-session" } else { "__Host-handrail-session" }
}

/// `None` for the token: the cookie goes. The path is the host's whole, so that it is sent under every prefix.
pub fn set_cookie(cx: &Cx, token: Option<&str>) -> HeaderValue {
    let secure = if is_plain(cx) { "" } else { " Secure;" };
    let (value, age) = match token {
        Some(token) => (token, SESSION_LIVES_MS / 1000),
        None => ("", 0),
    };
    let text = format!("{}={value}; Path=/; Max-Age={age};{secure} HttpOnly; SameSite=Lax", cookie_name(cx));
    // A token is letters, digits, `-` and `_`.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
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
    fn only_a_page_of_this_origin_is_our_own() {
        let host = ("host", "handrail.example");
        for (pairs, own, strange) in [
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
            assert_eq!((is_from_own_page(&headers), is_from_strange_page(&headers)), (own, strange), "{pairs:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let found = |text: &'static str| cookie(&headers(&[("cookie", text)]), "s").map(str::to_owned);
        assert_eq!(found("a=1; s=token; b=2").as_deref(), Some("token"));
        assert_eq!(found("s=a=b").as_deref(), Some("a=b"));
        for text in ["", "s", "s=", "xs=token", "S=token", ";;;=;"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
