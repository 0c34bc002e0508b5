//! The sign-in page, which every page for a signed-in person shows to other visitors.

use http::header::REFERRER_POLICY;
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

use crate::pages::{HtmlPage, html_response};

/// Page that lets browsers send the referrer to its own origin. Without a referrer a form has no origin to check.
pub fn own_origin_response(status: StatusCode, title: &str, body: Markup) -> Response<String> {
    let mut response = html_response(status, &HtmlPage::new(title, body));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// The page that requests a sign-in mail.
pub fn sign_in_page(status: StatusCode, root: &str, problem: Option<&str>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Sign in" }
            p class="lede" { "You get a mail with a link. There is no password." }
            @if let Some(problem) = problem { p class="problem" role="alert" { (problem) } }
            form method="post" action={ (root) "auth/login" } {
                label for="email" { "Your email address" }
                input type="email" id="email" name="email" required autocomplete="email" maxlength="254";
                button class="approve first" { b { "Send me a link" } }
            }
        }
    };
    own_origin_response(status, "Sign in", body)
}
