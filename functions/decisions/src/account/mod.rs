//! People who hold an account: how they sign in by mail, and the page where they look after their keys.

mod door;
pub mod key_create;
pub mod key_revoke;
pub mod login_request;
pub mod login_show;
pub mod login_use;
pub mod logout;
mod mail;
mod pages;
pub mod show;
#[cfg(test)]
mod tests;

pub use door::LoginDoor;

use axum::response::{IntoResponse, Response};
use handrail_domain::login::Login;
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::link::LoginLink;
use handrail_kernel::problem::Problem;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

pub(crate) const NO_SUCH_LINK: Problem = Problem::NotFound { what: "Link" };

/// What whoever is not signed in sees at a page of the account. `root` leads from the page to the root of the service.
pub fn sign_in(root: &str) -> http::Response<String> {
    pages::sign_in(StatusCode::UNAUTHORIZED, root, None)
}

/// The request behind a link, if the link was made for it. A wrong signature and an absent request answer the same.
async fn requested(cx: &Cx, token: &str) -> Result<Record<Login>, Problem> {
    let link = LoginLink::parse(token).ok_or(NO_SUCH_LINK)?;
    let tenant = handrail_domain::login::tenant();
    let record = cx.store.record::<Login>(tenant, link.record).await?.ok_or(NO_SUCH_LINK)?;
    if !link.is_for(cx.master()?, &record.ask.email) {
        return Err(NO_SUCH_LINK);
    }
    Ok(record)
}

/// On by GET, so that a reload does nothing again. Relative, so that it works under any prefix.
fn see(place: &'static str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(place));
    response
}
