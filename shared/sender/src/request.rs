//! The request as it goes over the wire.

use bytes::Bytes;
use handrail_domain::outbound::OutboundUrl;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;

use super::{Outgoing, Stop};

const HANDRAIL: &str = concat!("Handrail/", env!("CARGO_PKG_VERSION"));

pub(super) fn build(
    url: &OutboundUrl,
    out: &Outgoing,
    content_type: &'static str,
) -> Result<Request<Full<Bytes>>, Stop> {
    let mut request = Request::post(url.path_and_query())
        .header(HOST, url.authority())
        .header(CONTENT_TYPE, content_type)
        .header(CONTENT_LENGTH, out.body.len())
        .header(USER_AGENT, HANDRAIL)
        .header(CONNECTION, "close")
        .body(Full::new(out.body.clone()))
        .map_err(|error| Stop::Refused(format!("the URL cannot be sent: {error}")))?;
    for (name, value) in &out.headers {
        let (name, value) = checked(name, value)?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Stop> {
    // Neither text repeats the value, which may be a secret.
    let name = HeaderName::try_from(name)
        .map_err(|_| Stop::Refused(format!("{name:?} is no header name; use letters, digits and hyphens")))?;
    if is_ours(&name) {
        return Err(Stop::Refused(format!("the header {name} is set by Handrail; leave it out")));
    }
    // Bytes beyond ASCII would be let through, and every receiver decodes them as it likes.
    match HeaderValue::try_from(value) {
        Ok(checked) if value.is_ascii() => Ok((name, checked)),
        _ => Err(Stop::Refused(format!("the value of the header {name} is not plain ASCII on one line"))),
    }
}

/// Headers that say where a message goes, where it ends and what becomes of the connection. A
/// second opinion on these is how one request is smuggled inside another.
fn is_ours(name: &HeaderName) -> bool {
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
