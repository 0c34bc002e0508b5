//! Pages at the end of an installation in Slack.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_web::pages::{HtmlPage, html_response as respond, one_line};
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use http::{Response, StatusCode};
use maud::{Markup, html};

/// Renders problems as pages, because Slack redirects browsers here.
pub(crate) const HTML_ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error_page);

/// Longest workspace name shown. Slack's names are shorter.
const TEAM_NAME_CHARS_MAX: usize = 100;

/// Reason why no workspace was connected.
#[derive(Clone, Copy)]
pub(crate) enum InstallError<'a> {
    /// The state is invalid or has expired.
    InvalidState,
    Declined,
    NotConfigured,
    MissingScopes(&'a [&'static str]),
    CodeRejected(&'a str),
    SlackUnavailable,
}

fn render_error_page(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    let title = match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => "This page does not exist",
        Problem::NoCredentials
        | Problem::UnknownApiKey
        | Problem::RevokedApiKey
        | Problem::ExpiredApiKey
        | Problem::MissingScope { .. }
        | Problem::Invalid(_)
        | Problem::TooLarge { .. }
        | Problem::RateLimited { .. }
        | Problem::InProgress { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Internal => "That did not work",
    };
    notice_page(problem.status(), title, &html! { p class="lede" { (problem.message()) "." } }).into_response()
}

pub(crate) fn installed_page(team: &str) -> Response<String> {
    let team = one_line(team, TEAM_NAME_CHARS_MAX);
    notice_page(
        StatusCode::OK,
        "Slack is connected",
        &html! {
            p class="lede" { "Handrail can now ask people of the workspace " b { (team) } " by direct message." }
            p { "A request with the channel slack reaches its approver there. You can close this page." }
        },
    )
}

pub(crate) fn install_error_page(error: InstallError<'_>) -> Response<String> {
    let status = match error {
        InstallError::InvalidState
        | InstallError::NotConfigured
        | InstallError::MissingScopes(_)
        | InstallError::CodeRejected(_) => StatusCode::BAD_REQUEST,
        // Declining is a choice and not an error.
        InstallError::Declined => StatusCode::OK,
        InstallError::SlackUnavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = html! {
        @match error {
            InstallError::InvalidState => {
                p class="lede" { "This link is not valid, or is more than ten minutes old." }
            }
            InstallError::Declined => { p class="lede" { "The installation was declined in Slack." } }
            InstallError::NotConfigured => {
                p class="lede" { "This installation does not know the client id and the client secret of its Slack app." }
            }
            InstallError::MissingScopes(missing) => {
                p class="lede" { "The workspace did not grant everything that Handrail needs." }
                p { "Missing: " (missing.join(", ")) ". Add these scopes to the app at Slack." }
            }
            InstallError::CodeRejected(error) => {
                p class="lede" { "Slack rejected the code of the installation." }
                p { "Reason from Slack: " code { (error) } }
            }
            InstallError::SlackUnavailable => { p class="lede" { "Slack did not answer in time." } }
        }
        p { "Nothing was connected. An admin can get a new link from " code { "POST /slack/install" } "." }
    };
    notice_page(status, "Slack is not connected", &body)
}

fn notice_page(status: StatusCode, title: &str, body: &Markup) -> Response<String> {
    respond(status, &HtmlPage::new(title, html! { h1 { (title) } (body) }))
}
