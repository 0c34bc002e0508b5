//! Axum extractors shared by all APIs, of bodies, parameters, headers and addresses.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use handrail_context::cx::Cx;

/// `true` if the request came through API Gateway, which buffers responses and ends them after 30 seconds.
pub struct ViaApiGateway(pub bool);

impl<S: Send + Sync> FromRequestParts<S> for ViaApiGateway {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<RequestContext>().is_some()))
    }
}

/// IP address of the client, from API Gateway or from the connection. Headers of the client are ignored.
///
/// An IPv6 address is cut to its first 64 bits, because one household has all addresses below such a prefix.
pub struct ClientAddress(pub String);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(match client_ip(parts) {
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                address.segments()[..4].iter().map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":")
            }
            // Requests without an address share one rate limit.
            None => "nowhere".to_owned(),
        }))
    }
}

/// Returns the client's address, from API Gateway or from the connection. `None` if neither has one.
pub fn client_ip(parts: &Parts) -> Option<IpAddr> {
    let by_gateway = parts.extensions.get::<RequestContext>().and_then(|context| match context {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        _ => None,
    });
    let by_connection = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    by_gateway.or_else(by_connection)
}

/// Returns `true` if the client accepts JSON instead of a page.
pub fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

/// Largest JSON body of most operations.
pub const JSON_BYTES_MAX: usize = 256 * 1024;
/// Maximum number of bytes of a refused body that are read and discarded. A client that is still sending would
/// otherwise see a broken connection and not the response.
const DRAINED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads the body. Returns [`Problem::TooLarge`] if it is longer than the limit.
pub async fn read_limited_body(request: Request, limit_bytes: usize) -> Result<Bytes, Problem> {
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit_bytes) {
        drain(request.into_body()).await;
        return Err(Problem::TooLarge { limit_bytes });
    }
    // A chunked body declares no length.
    let mut stream = request.into_body().into_data_stream();
    let mut body = Vec::with_capacity(declared.unwrap_or(0));
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::invalid_request("The body ended early"))?;
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

/// Path parameter as text. Handlers parse it themselves, because a malformed id is a 404.
pub struct PathParam(pub String);

impl FromRequestParts<Cx> for PathParam {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, cx).await.map_err(|_| Problem::NoRoute)?;
        Ok(Self(text))
    }
}

/// Two path parameters, as [`PathParam`].
pub struct TwoPathParams(pub String, pub String);

impl FromRequestParts<Cx> for TwoPathParams {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        let texts = Path::<(String, String)>::from_request_parts(parts, cx).await;
        let Path((first, second)) = texts.map_err(|_| Problem::NoRoute)?;
        Ok(Self(first, second))
    }
}

/// Public origin of this service, from the settings or else from the Host header. API Gateway accepts only its own host
/// names.
pub struct PublicOrigin(pub String);

impl FromRequestParts<Cx> for PublicOrigin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        if let Some(origin) = &cx.settings.origin {
            return Ok(Self(origin.clone()));
        }
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header("host").or_else(|| parts.uri.authority().map(http::uri::Authority::as_str));
        let host = host.filter(|host| host.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c)));
        let host = host.ok_or_else(|| Problem::invalid_request("The Host header is missing"))?;
        let scheme = if header("x-forwarded-proto") == Some("http") { "http" } else { "https" };
        Ok(Self(format!("{scheme}://{host}")))
    }
}

/// Idempotency key of the request, by which a repeat is recognised.
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
            None => Err(Problem::invalid_header(
                "Idempotency-Key",
                format!("must be 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters"),
            )),
        }
    }
}

/// Form of a page, as `application/x-www-form-urlencoded` of at most [`FORM_BYTES_MAX`].
pub struct Form<T>(pub T);

/// Fits the longest answer with text and data, of which each byte is escaped as three.
pub const FORM_BYTES_MAX: usize = 128 * 1024;

impl<T: DeserializeOwned> FromRequest<Cx> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, cx: &Cx) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = read_limited_body(Request::from_parts(parts.clone(), body), FORM_BYTES_MAX).await?;
        let request = Request::from_parts(parts, Body::from(body));
        match axum::Form::<T>::from_request(request, cx).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(_) => Err(Problem::invalid_request("The form could not be read")),
        }
    }
}
