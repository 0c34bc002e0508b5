//! Headers that several extractors read or several operations write.

use handrail_store::Total;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Header of a page whose total says only that there are at least so many.
const TOTAL_IS_MINIMUM: HeaderName = HeaderName::from_static("x-total-is-minimum");

/// Returns the credential of `Authorization: Bearer <credential>`, or `None` if there is none.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(credential.trim()).filter(|credential| scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty())
}

/// Returns the header that a page with this total has, or `None` if the total is exact.
pub fn total_header(total: Total) -> Option<[(HeaderName, HeaderValue); 1]> {
    total.is_minimum.then_some([(TOTAL_IS_MINIMUM, HeaderValue::from_static("true"))])
}
