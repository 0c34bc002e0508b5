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
use handrail_context::cx::Cx;
use handrail_domain::login::Login;
use handrail_domain::record::Record;
use handrail_secrets::link::LoginLink;
use handrail_web::problem::Problem;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

pub(crate) const LINK_NOT_FOUND: Problem = Problem::NotFound { resource: "Link" };

/// Finds the login of a link. A wrong signature and an absent login give an equal error.
async fn find_login(cx: &Cx, token: &str) -> Result<Record<Login>, Problem> {
    let link = LoginLink::parse(token).ok_or(LINK_NOT_FOUND)?;
    let tenant = handrail_domain::login::tenant();
    let record = cx.store.record::<Login>(tenant, link.record).await?.ok_or(LINK_NOT_FOUND)?;
    if !link.is_valid_for(cx.master_key()?, &record.spec.email) {
        return Err(LINK_NOT_FOUND);
    }
    Ok(record)
}

/// Redirects to a GET, so that a reload repeats nothing. A relative location works under any prefix.
fn redirect_to(location: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(location));
    response
}
