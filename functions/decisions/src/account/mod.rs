//! Sign-in of tenant owners by mail, and the account page where they manage their API keys.

pub mod key_create;
pub mod key_revoke;
mod kind;
pub mod login_request;
pub mod login_show;
pub mod login_use;
pub mod logout;
mod mail;
mod pages;
pub mod show;
#[cfg(test)]
mod tests;

pub use kind::KIND;

use axum::response::{IntoResponse, Response};
use handrail_access::sign_in::SignInError;
use handrail_web::problem::Problem;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

/// Words of the refusals about a sign-in link.
fn sign_in_problem(error: SignInError) -> Problem {
    match error {
        SignInError::LinkNotFound => Problem::NotFound { resource: "Link" },
        SignInError::LinkUsed => {
            Problem::refused(StatusCode::GONE, "LINK_USED", "This link was already used. Request another one.")
        }
        SignInError::LinkExpired => {
            Problem::refused(StatusCode::GONE, "EXPIRED", "This link has expired. Request another one.")
        }
        SignInError::Busy => Problem::Busy { retry_after_s: 1 },
        SignInError::Access(error) => error.into(),
    }
}

/// Redirects to a GET, so that a reload repeats nothing. A relative location works under any prefix.
fn redirect_to(location: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(location));
    response
}
