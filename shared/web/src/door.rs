//! A door as data: its name, its error format and how it recognises its callers.

use handrail_context::cx::Cx;
use handrail_store::ApiKey;
use http::HeaderMap;

use crate::headers::bearer_token;
use crate::problem::{ErrorRenderer, Problem};

/// A published API. Each door's crate has one constant of it, which every endpoint of the door names. The router puts
/// the door into the extensions of a request.
#[derive(Clone, Copy)]
pub struct Door {
    pub name: &'static str,
    pub error_renderer: ErrorRenderer,
    pub caller_rules: CallerRules,
}

impl Door {
    /// Returns the door with another error format, for operations that serve pages.
    #[must_use]
    pub const fn with_error_renderer(self, error_renderer: ErrorRenderer) -> Self {
        Self { error_renderer, ..self }
    }
}

/// Where the callers of a door send their API key, and which limits count for them.
#[derive(Clone, Copy)]
pub struct CallerRules {
    pub credential: Credential,
    /// `true` if requests count against the hourly limit of the tenant's tier.
    pub has_hourly_limit: bool,
    /// Writes response headers with what remains of the caller's rate limits, if the door has such headers.
    pub limit_headers: Option<fn(&Cx, &ApiKey, &mut HeaderMap)>,
}

impl CallerRules {
    /// Rules of a door whose callers send `Authorization: Bearer`.
    pub const BEARER: Self = Self { credential: Credential::Bearer, has_hourly_limit: false, limit_headers: None };
}

/// Header with the API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer <key>`.
    Bearer,
    /// `X-API-Key: <key>`. The `Authorization` header is ignored.
    ApiKeyHeader,
}

impl Credential {
    /// Finds the API key in the headers. Returns `None` if the request has none.
    pub fn find(self, headers: &HeaderMap) -> Result<Option<&str>, Problem> {
        match self {
            Self::Bearer => Ok(bearer_token(headers)),
            Self::ApiKeyHeader => {
                let secret = headers.get("x-api-key").map(|secret| secret.to_str().map(str::trim));
                secret.transpose().map_err(|_| Problem::UnknownApiKey)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn credential_is_found_in_its_own_header_only() {
        let headers = HeaderMap::from_iter([
            (http::header::AUTHORIZATION, HeaderValue::from_static("Bearer first")),
            (http::HeaderName::from_static("x-api-key"), HeaderValue::from_static(" second ")),
        ]);
        assert_eq!(Credential::Bearer.find(&headers), Ok(Some("first")));
        assert_eq!(Credential::ApiKeyHeader.find(&headers), Ok(Some("second")));
        for credential in [Credential::Bearer, Credential::ApiKeyHeader] {
            assert_eq!(credential.find(&HeaderMap::new()), Ok(None));
        }
        let unreadable = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-api-key"),
            HeaderValue::from_bytes(b"\xff").unwrap(),
        )]);
        assert_eq!(Credential::ApiKeyHeader.find(&unreadable), Err(Problem::UnknownApiKey));
    }
}
