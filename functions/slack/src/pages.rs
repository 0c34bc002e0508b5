//! What an admin sees who comes back from Slack.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::pages::{Page, html as respond, one_line};
use handrail_kernel::problem::{Problem, RequestId};
use http::{Response, StatusCode};
use maud::{Markup, html};

/// Problems as pages: whoever comes back from Slack is a person.
pub(crate) const PAGE_DIALECT: Dialect = Dialect(worded);

/// Slack's names of workspaces are shorter.
const NAME_MAX: usize = 100;

/// Why no workspace was connected.
#[derive(Clone, Copy)]
pub(crate) enum Missed<'a> {
    /// No state of ours, or one that is too old.
    NotOurs,
    Declined,
    NotSetUp,
    Scopes(&'a [&'static str]),
    Refused(&'a str),
    Later,
}

fn worded(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    let title = match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => "There is nothing at this address",
        Problem::NoCredentials
        | Problem::UnknownKey
        | Problem::KeyMayNot { .. }
        | Problem::Invalid { .. }
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Broken => "That did not work",
    };
    notice(problem.status(), title, &html! { p class="lede" { (problem.message()) "." } }).into_response()
}

pub(crate) fn installed(team: &str) -> Response<String> {
    let team = one_line(team, NAME_MAX);
    notice(
        StatusCode::OK,
        "Slack is connected",
        &html! {
            p class="lede" { "Handrail can now ask people of the workspace " b { (team) } " by direct message." }
            p { "A request with the channel slack reaches its approver there. You can close this page." }
        },
    )
}

pub(crate) fn missed(why: Missed<'_>) -> Response<String> {
    let status = match why {
        Missed::NotOurs | Missed::NotSetUp | Missed::Scopes(_) | Missed::Refused(_) => StatusCode::BAD_REQUEST,
        // Somebody chose this; nothing is wrong.
        Missed::Declined => StatusCode::OK,
        Missed::Later => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = html! {
        @match why {
            Missed::NotOurs => {
                p class="lede" { "This address is not one that Handrail gave out in the last ten minutes." }
            }
            Missed::Declined => { p class="lede" { "At Slack, somebody chose not to let Handrail in." } }
            Missed::NotSetUp => {
                p class="lede" { "This installation does not know the client id and the client secret of its Slack app." }
            }
            Missed::Scopes(missing) => {
                p class="lede" { "The workspace did not grant everything that Handrail needs." }
                p { "Missing: " (missing.join(", ")) ". Add these scopes to the app at Slack." }
            }
            Missed::Refused(error) => {
                p class="lede" { "Slack did not take the code that it had given." }
                p { "Its word for the reason: " code { (error) } }
            }
            Missed::Later => { p class="lede" { "Slack did not answer in time." } }
        }
        p { "Nothing was connected. An admin can get a new address from " code { "POST /slack/install" } "." }
    };
    notice(status, "Slack is not connected", &body)
}

fn notice(status: StatusCode, title: &str, body: &Markup) -> Response<String> {
    respond(status, &Page::new(title, html! { h1 { (title) } (body) }))
}
