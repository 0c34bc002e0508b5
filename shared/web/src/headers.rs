//! Request headers that several extractors read.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Returns the credential of `Authorization: Bearer <credential>`, or `None` if there is none.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(credential.trim()).filter(|credential| scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty())
}
