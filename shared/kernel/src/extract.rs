//! What a handler asks for in its arguments. Authority is a type: a handler that wants a caller names the right that the
//! caller must have, so forgetting to check doesn't compile.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use handrail_domain::access::Scope;
use handrail_domain::account::Tier;
use handrail_domain::ids::TenantId;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use lambda_http::request::RequestContext;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::access::{Allowance, Budget, authenticate, take};
use crate::cx::Cx;
use crate::problem::Problem;
use crate::session::{self, SignedIn};
use crate::store::Key;

/// The key behind the request, which has the right `R`.
pub struct Caller<R> {
    pub key: Key,
    right: PhantomData<R>,
}

pub trait Right: Send + Sync {
    const SCOPE: Scope;
    /// How the right is called in an error.
    const NEEDS: &'static str;
}

macro_rules! rights {
    ($($name:ident: $needs:literal),+ $(,)?) => {
        pub mod right {
            $(pub struct $name;
            impl super::Right for $name {
                const SCOPE: super::Scope = super::Scope::$name;
                const NEEDS: &'static str = $needs;
            })+
        }
    };
}

rights! {
    DecisionsWrite: "the right to ask for decisions",
    DecisionsRead: "the right to read decisions",
    DecisionsResolve: "the role app or admin, because who asks must not answer",
    AccountRead: "the right to read the account",
    KeysWrite: "the role admin",
    SlackWrite: "the role admin",
    PacketsRead: "a key of this account",
    PacketsWrite: "a role other than reader",
    PacketsWork: "a role other than reader",
    PacketsRespond: "the role writer, app or admin, because who hands over must not answer",
    SystemRead: "the role admin",
    HooksWrite: "the role writer, app or admin",
    HooksRetryAll: "the role admin",
    PacketsSchemas: "the role writer, app or admin",
}

impl<R: Right> FromRequestParts<Cx> for Caller<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let credential = bearer(&parts.headers).ok_or(Problem::NoCredentials)?;
        let key = authenticate(cx, credential).await?.ok_or(Problem::UnknownKey)?;
        if !key.role.allows(R::SCOPE) {
            return Err(Problem::KeyMayNot { needs: R::NEEDS });
        }
        Ok(Self { key, right: PhantomData })
    }
}

pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(credential.trim()).filter(|credential| scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty())
}

/// Whether a request came through API Gateway, where an answer is sent whole and has to end within half a minute.
pub struct ThroughGateway(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for ThroughGateway {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<RequestContext>().is_some()))
    }
}

/// Whoever looks after an account: an admin's key, or a person who signed in. Has the right `R`.
pub struct Steward<R> {
    pub who: Who,
    right: PhantomData<R>,
}

pub enum Who {
    Key(Key),
    Person(SignedIn),
}

impl<R> Steward<R> {
    pub fn tenant(&self) -> TenantId {
        match &self.who {
            Who::Key(key) => key.tenant,
            Who::Person(person) => person.account.tenant,
        }
    }

    pub fn tier(&self) -> Tier {
        match &self.who {
            Who::Key(key) => key.tier,
            Who::Person(person) => person.account.tier,
        }
    }

    /// Takes one call from what a key, or the people of an account, may do in a minute.
    pub async fn spend(&self, cx: &Cx) -> Result<(), Problem> {
        match &self.who {
            Who::Key(key) => take(cx, Allowance::of_key(key, Budget::Calls)).await,
            Who::Person(person) => take(cx, Allowance::of_account(&person.account)).await,
        }
    }
}

impl<R: Right> FromRequestParts<Cx> for Steward<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let who = match session::person(parts, cx).await? {
            Some(person) => Who::Person(person),
            None => Who::Key(Caller::<R>::from_request_parts(parts, cx).await?.key),
        };
        Ok(Self { who, right: PhantomData })
    }
}

/// Where a request comes from: what API Gateway says, or the other end of the connection. Never what a client says.
///
/// Of an IPv6 address the first half, because one household has the other half to itself.
pub struct ClientAddress(pub String);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let by_gateway = parts.extensions.get::<RequestContext>().and_then(|context| match context {
            RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
            _ => None,
        });
        let by_connection = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Ok(Self(match by_gateway.or_else(by_connection) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                address.segments()[..4].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":")
            }
            // Whoever comes from nowhere shares with all the others who do.
            None => "nowhere".to_owned(),
        }))
    }
}

/// Does the client want to read JSON rather than see a page?
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

/// A JSON object of at most [`JSON_BYTES_MAX`].
pub struct Json<T>(pub T);

pub const JSON_BYTES_MAX: usize = 256 * 1024;
/// A refused body is read on to here and thrown away, so that the client has sent it all and reads the refusal instead of
/// a broken connection.
const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;

impl<T: DeserializeOwned> FromRequest<Cx> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = limited_body(request, JSON_BYTES_MAX).await?;
        parse_object(&body).map(Self)
    }
}

/// The same where nothing at all is as good as an empty object.
pub struct JsonIfAny<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Cx> for JsonIfAny<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Cx) -> Result<Self, Problem> {
        let body = limited_body(request, JSON_BYTES_MAX).await?;
        if body.iter().all(u8::is_ascii_whitespace) { Ok(Self(T::default())) } else { parse_object(&body).map(Self) }
    }
}

/// The body, if it is no longer than the limit.
pub async fn limited_body(request: Request, limit_bytes: usize) -> Result<Bytes, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit_bytes) {
        drain(request.into_body()).await;
        return Err(Problem::TooLarge { limit_bytes });
    }
    // Chunked bodies declare nothing: one byte over the limit is enough to know.
    let mut stream = request.into_body().into_data_stream();
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::Invalid { field: None, message: "The body ended early".to_owned() })?;
        if body.len() + chunk.len() > limit_bytes {
            drain(Body::from_stream(stream)).await;
            return Err(Problem::TooLarge { limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(body))
}

async fn drain(body: Body) {
    let mut stream = body.into_data_stream();
    let mut drained = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        drained += chunk.len();
        if drained > DRAINED_BYTES_MAX {
            return;
        }
    }
}

/// Names the field that is wrong.
pub fn parse_object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| *byte != b'{') || first.is_none() {
        return Err(Problem::Invalid { field: None, message: "The body must be a JSON object".to_owned() });
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        // The parser takes a number where it wants a name for a mistake in the JSON; so does it a half of a character.
        let is_json = inner.is_data() || serde_json::from_slice::<IgnoredAny>(body).is_ok();
        match (is_json, path.as_str()) {
            (true, ".") => Problem::Invalid { field: None, message: without_position(&inner) },
            (true, _) => {
                Problem::Invalid { field: Some(path), message: format!("is not right: {}", without_position(&inner)) }
            }
            (false, _) => Problem::Invalid { field: None, message: format!("The body is not valid JSON: {inner}") },
        }
    })?;
    json.end().map_err(|_| Problem::Invalid {
        field: None,
        message: "The body holds more than one JSON object".to_owned(),
    })?;
    Ok(value)
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]) {
        "expected value" => "expected a text".to_owned(),
        text => text.to_owned(),
    }
}

/// One path parameter as a text. What it must look like is the handler's to say, because a malformed id is a 404.
pub struct Segment(pub String);

impl FromRequestParts<Cx> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, cx).await.map_err(|_| Problem::NoRoute)?;
        Ok(Self(text))
    }
}

/// Where this service is reached from outside: as it was told, or as the request was addressed. API Gateway lets in only
/// requests for its own names.
pub struct OwnOrigin(pub String);

impl FromRequestParts<Cx> for OwnOrigin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        if let Some(origin) = &cx.settings.origin {
            return Ok(Self(origin.clone()));
        }
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header("host").or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
        let host = host.filter(|host| host.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c)));
        let host =
            host.ok_or_else(|| Problem::Invalid { field: None, message: "The Host header is missing".to_owned() })?;
        let scheme = if header("x-forwarded-proto") == Some("http") { "http" } else { "https" };
        Ok(Self(format!("{scheme}://{host}")))
    }
}

/// The caller's name for a command, so that its repeat is recognised.
pub struct IdempotencyKey(pub Option<String>);

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

impl FromRequestParts<Cx> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Cx) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(&IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len()));
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Problem::invalid(
                "Idempotency-Key",
                format!("must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters"),
            )),
        }
    }
}

/// A form of a page: `application/x-www-form-urlencoded`, small.
pub struct Form<T>(pub T);

/// The longest answer in words and data, each byte of it escaped as three.
pub const FORM_BYTES_MAX: usize = 128 * 1024;

impl<T: DeserializeOwned> FromRequest<Cx> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, cx: &Cx) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = limited_body(Request::from_parts(parts.clone(), body), FORM_BYTES_MAX).await?;
        let request = Request::from_parts(parts, Body::from(body));
        match axum::Form::<T>::from_request(request, cx).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(_) => Err(Problem::Invalid { field: None, message: "The form could not be read".to_owned() }),
        }
    }
}
