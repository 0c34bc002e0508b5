//! Builds the HTTP request with its headers.

use bytes::Bytes;
use handrail_domain::outbound::OutboundUrl;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;

use crate::send_error::SendError;

const USER_AGENT_VALUE: &str = concat!("Handrail/", env!("CARGO_PKG_VERSION"));

/// Request to send.
///
/// Does not implement `Debug`, because the URL and the headers may contain secrets.
#[derive(Clone)]
pub struct OutboundRequest {
    pub url: String,
    /// Additional headers. Headers that the sender sets itself, such as `host` and `content-type`, get the request
    /// refused.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

pub(super) fn build(
    url: &OutboundUrl,
    out: &OutboundRequest,
    content_type: &'static str,
) -> Result<Request<Full<Bytes>>, SendError> {
    let mut request = Request::post(url.path_and_query())
        .header(HOST, url.authority())
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, out.body.len())
        .header(USER_AGENT, USER_AGENT_VALUE)
        .header(CONNECTION, "close")
        .body(Full::new(out.body.clone()))
        .map_err(|error| SendError::Refused(format!("the URL cannot be sent: {error}")))?;
    for (name, value) in &out.headers {
        let (name, value) = validate_header(name, value)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// Builds a GET request without further headers.
pub(super) fn build_get(url: &OutboundUrl) -> Result<Request<Full<Bytes>>, SendError> {
    Request::get(url.path_and_query())
        .header(HOST, url.authority())
        .header(USER_AGENT, USER_AGENT_VALUE)
        .header(CONNECTION, "close")
        .body(Full::default())
        .map_err(|error| SendError::Refused(format!("the URL cannot be read: {error}")))
}

fn validate_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), SendError> {
    // The errors do not repeat the value, which may be a secret.
    let name = HeaderName::try_from(name).map_err(|_| {
        SendError::Refused(format!("{name:?} is not a valid header name; use letters, digits and hyphens"))
    })?;
    if is_reserved_header(&name) {
        return Err(SendError::Refused(format!("the header {name} is set by Handrail; leave it out")));
    }
    // `HeaderValue` accepts bytes beyond ASCII, which receivers decode differently.
    match HeaderValue::try_from(value) {
        Ok(value_header) if value.is_ascii() => Ok((name, value_header)),
        _ => Err(SendError::Refused(format!("the value of the header {name} must be plain ASCII on one line"))),
    }
}

/// Returns `true` for headers that determine the destination, the length and the connection. A second value of these
/// would allow request smuggling.
fn is_reserved_header(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "content-type"
            | "expect"
            | "host"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
    )
}
