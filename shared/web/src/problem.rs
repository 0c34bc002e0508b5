//! Errors of requests, independent of a door, and their conversion to HTTP responses.
//!
//! A handler returns a [`Problem`]; the endpoint's [`ErrorRenderer`] gives it the shape that the door's clients expect.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use handrail_domain::access::{Role, Scope};
use handrail_domain::field_error::{FieldError, RequestPart, VALUE_ERROR};
use handrail_domain::lifecycle::Lifecycle;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

use handrail_access::AccessError;
use handrail_platform::fault::Fault;
use handrail_records::transition::TransitionError;
use handrail_store::BODY_PACKED_BYTES_MAX;

#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// The request has no credentials, or not in the required format.
    NoCredentials,
    /// The API key does not exist.
    UnknownApiKey,
    /// The API key was revoked. Only some doors tell this apart from an unknown key.
    RevokedApiKey,
    /// The API key has expired. Only a caller that has the key learns this.
    ExpiredApiKey,
    /// The API key does not have the required scope.
    MissingScope {
        scope: Scope,
        /// Role of the API key.
        role: Role,
        /// Describes the scope.
        requirement: &'static str,
    },
    /// The resource does not exist or is not visible to the caller.
    NotFound {
        resource: &'static str,
    },
    NoRoute,
    MethodNotAllowed,
    /// Fields are invalid, or the request as a whole. A door that publishes one error shows the first.
    Invalid(Vec<FieldError>),
    TooLarge {
        limit_bytes: usize,
    },
    RateLimited {
        retry_after_s: u32,
    },
    /// A request with this idempotency key has not finished yet.
    InProgress {
        retry_after_s: u32,
    },
    /// The domain refused the request. `code` is the door's own.
    Refused {
        status: StatusCode,
        code: &'static str,
        message: String,
        details: Map<String, Value>,
    },
    /// A temporary failure: a repeat of the request may succeed in a moment.
    Busy {
        retry_after_s: u32,
    },
    /// A bug or a failed dependency. The caller gets only the request id; the cause is in the log.
    Internal,
}

impl Problem {
    /// Returns the problem of one field. The message follows the name of the field.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        FieldError::new([field.to_owned()], message, VALUE_ERROR).into()
    }

    /// Returns the problem of one header. The message follows the name of the header.
    pub fn invalid_header(name: &'static str, message: impl Into<String>) -> Self {
        FieldError::new([name], message, VALUE_ERROR).in_part(RequestPart::Header).into()
    }

    /// Returns the problem of a request that is invalid as a whole.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        FieldError::of_whole(RequestPart::Whole, message, VALUE_ERROR).into()
    }

    pub fn refused(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { status, code, message: message.into(), details: Map::new() }
    }

    /// Returns the problem of a request whose idempotency key was used for other content.
    pub fn idempotency_conflict() -> Self {
        Self::refused(
            StatusCode::CONFLICT,
            "IDEMPOTENCY_KEY_REUSED",
            "This Idempotency-Key was used for another request: use a new one",
        )
    }

    /// Returns the problem of a command that changed nothing. `refused` words the domain's refusal for the door.
    pub fn from_transition<L: Lifecycle>(
        error: TransitionError<L>,
        resource: &'static str,
        refused: impl FnOnce(L::Refusal) -> Self,
    ) -> Self {
        match error {
            TransitionError::NotFound => Self::NotFound { resource },
            TransitionError::Refused(refusal) => refused(refusal),
            TransitionError::IdempotencyConflict => Self::idempotency_conflict(),
            TransitionError::TooLarge => Self::TooLarge { limit_bytes: BODY_PACKED_BYTES_MAX },
            TransitionError::Busy => Self::Busy { retry_after_s: 1 },
            TransitionError::Fault(fault) => fault.into(),
        }
    }

    fn refused_field(status: StatusCode, code: &'static str, field: &str, message: String) -> Self {
        let details = Map::from_iter([("field".to_owned(), field.into())]);
        Self::Refused { status, code, message, details }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::UnknownApiKey | Self::RevokedApiKey | Self::ExpiredApiKey => {
                StatusCode::UNAUTHORIZED
            }
            Self::MissingScope { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::InProgress { .. } => StatusCode::CONFLICT,
            Self::Refused { status, .. } => *status,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Message for the reader of the error, with the name of the first field. Positions in lists are in brackets.
    pub fn message(&self) -> String {
        match self {
            Self::NoCredentials => "Send your API key as: Authorization: Bearer <key>".to_owned(),
            Self::UnknownApiKey | Self::RevokedApiKey => "This API key does not exist or was revoked".to_owned(),
            Self::ExpiredApiKey => "This API key has expired".to_owned(),
            Self::MissingScope { scope, role, requirement } => match role.allows(*scope) {
                true => format!("This API key may not do that: it needs the scope {}", scope.name()),
                false => format!("This API key may not do that: it needs {requirement}"),
            },
            Self::NotFound { resource } => format!("{resource} not found"),
            Self::NoRoute => "There is nothing at this address".to_owned(),
            Self::MethodNotAllowed => "This address does not take that method: see the Allow header".to_owned(),
            Self::Invalid(errors) => match errors.first() {
                Some(error) if error.path.is_empty() => error.message.clone(),
                Some(error) => format!("{} {}", error.field_with_brackets(), error.message),
                None => "The request can't be read".to_owned(),
            },
            Self::Refused { message, .. } => message.clone(),
            Self::TooLarge { limit_bytes } => format!("The body is larger than {limit_bytes} bytes"),
            Self::RateLimited { .. } => "Rate limit exceeded".to_owned(),
            Self::InProgress { .. } => {
                "A request with this Idempotency-Key is still in progress: repeat it in a moment".to_owned()
            }
            Self::Busy { .. } => "Busy: please try again in a moment".to_owned(),
            Self::Internal => "Something went wrong on our side; the log has the request id".to_owned(),
        }
    }

    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_s } | Self::InProgress { retry_after_s } | Self::Busy { retry_after_s } => {
                Some(*retry_after_s)
            }
            _ => None,
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

/// Logs the fault. Requests log their faults nowhere else.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        tracing::error!(fault = fault.with_causes(), "a request failed");
        if fault.is_retryable() { Self::Busy { retry_after_s: 1 } } else { Self::Internal }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::UnknownKey => Self::UnknownApiKey,
            AccessError::RevokedKey => Self::RevokedApiKey,
            AccessError::ExpiredKey => Self::ExpiredApiKey,
            AccessError::RateLimited { retry_after_s } => Self::RateLimited { retry_after_s },
            // As published: without a time to come back.
            AccessError::DailyQuotaReached { limit } => Self::refused_field(
                StatusCode::TOO_MANY_REQUESTS,
                "",
                "handoffs_per_day",
                format!("Daily limit of {limit} handoffs reached: the next day begins at 00:00 UTC"),
            ),
            AccessError::TooManyKeys { max } => Self::refused_field(
                StatusCode::CONFLICT,
                "TOO_MANY_KEYS",
                "max_api_keys",
                format!("The account has reached its limit of {max} active API keys. Revoke one first."),
            ),
            AccessError::TenantDeleted => Self::NotFound { resource: "Tenant" },
            AccessError::ReplacementRevoked => Self::refused(
                StatusCode::CONFLICT,
                "KEY_REVOKED",
                "The API key that replaces this one was revoked already. Revoke this key too and create another.",
            ),
            AccessError::Fault(fault) => fault.into(),
        }
    }
}

/// Creates an empty response with the problem as an extension, for [`render_errors`].
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Renders a problem in the error shape of a door.
#[derive(Clone, Copy)]
pub struct ErrorRenderer(pub fn(&Problem, Option<&RequestId>) -> Response);

/// Id of a request in its response and in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Middleware that renders the problem of a response, and the router's own refusal of a method.
pub async fn render_errors(renderer: ErrorRenderer, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    // The router's refusal of a method has no problem yet.
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.extensions().get::<Problem>().is_none() {
        response.extensions_mut().insert(Problem::MethodNotAllowed);
    }
    render_error(renderer, id.as_ref(), response)
}

/// Replaces a response that carries a problem by the door's error response.
pub fn render_error(renderer: ErrorRenderer, id: Option<&RequestId>, mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let allow = response.headers_mut().remove(ALLOW);
    let mut rendered = (renderer.0)(&problem, id);
    // Doors have different statuses for an invalid request and for a revoked key.
    if !matches!(problem, Problem::Invalid(_) | Problem::RevokedApiKey) {
        *rendered.status_mut() = problem.status();
    }
    if let Some(seconds) = problem.retry_after_s() {
        rendered.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = allow {
        rendered.headers_mut().insert(ALLOW, allow);
    }
    rendered
}
