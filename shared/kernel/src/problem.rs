//! What went wrong with a request, in no particular door's words yet, and the one place where it meets HTTP.
//!
//! A handler returns a [`Problem`]; the endpoint's [`Dialect`] gives it the shape that the door's clients expect.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

use crate::endpoint::Dialect;
use crate::fault::Fault;

#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// No credentials, or not in the form that is asked for.
    NoCredentials,
    /// A key that does not exist or was revoked.
    UnknownKey,
    /// The key is known but was not given this right.
    KeyMayNot {
        needs: &'static str,
    },
    /// Not there, or not the caller's to know of.
    NotFound {
        what: &'static str,
    },
    NoRoute,
    MethodNotAllowed,
    /// Which field, what is wrong with it, what to do.
    Invalid {
        field: Option<String>,
        message: String,
    },
    TooLarge {
        limit_bytes: usize,
    },
    RateLimited {
        retry_after_s: u32,
    },
    /// The domain said no, in the door's own code.
    Refused {
        status: StatusCode,
        code: &'static str,
        message: String,
        details: Map<String, Value>,
    },
    /// Passing trouble: the same request may work in a moment.
    Busy {
        retry_after_s: u32,
    },
    /// Our mistake. The caller learns a request id, the log the rest.
    Broken,
}

impl Problem {
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: Some(field.to_owned()), message: message.into() }
    }

    pub fn refused(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { status, code, message: message.into(), details: Map::new() }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoCredentials | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::KeyMayNot { .. } => StatusCode::FORBIDDEN,
            Self::NotFound { .. } | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused { status, .. } => *status,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// For the reader of an error: whole sentences, the field named.
    pub fn message(&self) -> String {
        match self {
            Self::NoCredentials => "Send your API key as: Authorization: Bearer <key>".to_owned(),
            Self::UnknownKey => "This API key does not exist or was revoked".to_owned(),
            Self::KeyMayNot { needs } => format!("This API key may not do that: it needs {needs}"),
            Self::NotFound { what } => format!("{what} not found"),
            Self::NoRoute => "There is nothing at this address".to_owned(),
            Self::MethodNotAllowed => "This address does not take that method: see the Allow header".to_owned(),
            Self::Invalid { field: Some(field), message } => format!("{field} {message}"),
            Self::Invalid { field: None, message } | Self::Refused { message, .. } => message.clone(),
            Self::TooLarge { limit_bytes } => format!("The body is larger than {limit_bytes} bytes"),
            Self::RateLimited { .. } => "Rate limit exceeded".to_owned(),
            Self::Busy { .. } => "Busy: please try again in a moment".to_owned(),
            Self::Broken => "Something went wrong on our side; the log has the request id".to_owned(),
        }
    }

    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_s } | Self::Busy { retry_after_s } => Some(*retry_after_s),
            _ => None,
        }
    }
}

/// The only place where a fault is logged.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        tracing::error!(fault = fault.chain(), "a request failed");
        if fault.may_pass() { Self::Busy { retry_after_s: 1 } } else { Self::Broken }
    }
}

/// A plain answer that carries the problem along until the endpoint's dialect words it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Names a request in answers and in the log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Words whatever went wrong behind it, and the framework's own refusals too.
pub async fn in_dialect(dialect: Dialect, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let mut response = next.run(request).await;
    // The router's own refusal of a method has no body and no problem yet.
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && response.extensions().get::<Problem>().is_none() {
        response.extensions_mut().insert(Problem::MethodNotAllowed);
    }
    worded(dialect, id.as_ref(), response)
}

pub fn worded(dialect: Dialect, id: Option<&RequestId>, mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let allow = response.headers_mut().remove(ALLOW);
    let mut answer = (dialect.0)(&problem, id);
    *answer.status_mut() = problem.status();
    if let Some(seconds) = problem.retry_after_s() {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}
