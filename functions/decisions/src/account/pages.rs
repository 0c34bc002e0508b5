//! Pages of the account: sign-in, API keys and a new API key. They have no scripts, and their forms post to their own
//! origin.
//!
//! All functions are pure and return a complete response. `root` is the relative path from the page to the root of the
//! service, so that the forms work under any prefix.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_domain::access::Role;
use handrail_store::ApiKey;
use handrail_web::pages::visible_text;
use handrail_web::problem::ErrorRenderer;
use handrail_web::problem::{Problem, RequestId};
use handrail_web::sign_in_page::own_origin_response;
use http::{Response, StatusCode};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

pub(super) const HTML_ERROR_RENDERER: ErrorRenderer = ErrorRenderer(render_error_page);

fn render_error_page(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    let (title, message) = match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => (
            "This link does not work",
            "Mail programs sometimes cut a long link in two. Open it from the mail again, or copy the whole of it.",
        ),
        Problem::RateLimited { .. } => ("Too many tries", "Nothing was changed. Wait a little, then try again."),
        Problem::Busy { .. } | Problem::Internal => {
            ("Something went wrong here", "The fault is ours. Try again in a minute.")
        }
        Problem::NoCredentials | Problem::UnknownApiKey | Problem::RevokedApiKey | Problem::ExpiredApiKey => {
            ("You are signed out", "Open the account page and sign in again.")
        }
        Problem::MissingScope { .. }
        | Problem::Invalid(_)
        | Problem::TooLarge { .. }
        | Problem::InProgress { .. }
        | Problem::Refused { .. } => {
            return notice_page(problem.status(), "This did not work", &format!("{}.", problem.message()))
                .into_response();
        }
    };
    notice_page(problem.status(), title, message).into_response()
}

fn notice_page(status: StatusCode, title: &str, message: &str) -> Response<String> {
    own_origin_response(
        status,
        title,
        html! { div class="card" { h1 { (title) } p class="lede" { (visible_text(message)) } } },
    )
}

/// The page after a request for a mail. Equal for every address, so that it doesn't reveal which ones have an account.
pub(super) fn mail_sent_page() -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Look into your mailbox" }
            p class="lede" { "If this address has an account, a mail with a link is on its way." }
            p { "The link works once, for 15 minutes. You can close this page." }
        }
    };
    own_origin_response(StatusCode::ACCEPTED, "Look into your mailbox", body)
}

/// The page of a sign-in link. Its button posts to the address of the page.
pub(super) fn confirm_sign_in_page(email: &str, valid_until: &str) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Sign in" }
            p class="lede" { "As " bdi { (visible_text(email)) } "." }
            form method="post" { button class="approve first" { b { "Sign in" } span { "Works once, until " (valid_until) } } }
        }
    };
    own_origin_response(StatusCode::OK, "Sign in", body)
}

pub(super) fn unusable_link_page(used: bool) -> Response<String> {
    let message = if used {
        "This link was already used. It works once."
    } else {
        "This link has expired. It works for 15 minutes."
    };
    let body = html! {
        div class="card" {
            h1 { "This link is over" }
            p class="lede" { (message) }
            p { a href="../../account" { "Ask for another one" } }
        }
    };
    own_origin_response(StatusCode::GONE, "This link is over", body)
}

/// Contents of the account page.
pub(super) struct AccountView<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub tier: &'a str,
    pub month: &'a str,
    pub used: u64,
    pub limit: Option<u32>,
    /// API keys with the number of decisions that each created this month.
    pub keys: &'a [(ApiKey, u64)],
    /// Random text of the form that creates a key. A form that is sent twice creates one key.
    pub form_nonce: &'a str,
}

pub(super) fn account_page(view: &AccountView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Your account" }
            dl class="facts" {
                dt { "Name" } dd { bdi { (visible_text(view.name)) } }
                dt { "Email" } dd { bdi { (visible_text(view.email)) } }
                dt { "Tier" } dd { (view.tier) }
                dt { "Decisions in " (view.month) }
                dd { (view.used) @if let Some(limit) = view.limit { " of " (limit) } }
            }
            form method="post" action="auth/logout" {
                div class="choices" { button class="small other" { "Sign out" } }
            }
        }
        div class="card" {
            h2 { "API keys" }
            @if view.keys.is_empty() { div class="empty" { p { "No key yet." } } }
            @else { ul class="rows" { @for (key, used) in view.keys { li { (key_row(key, *used)) } } } }
        }
        div class="card" {
            h2 { "Slack" }
            p { "Handrail can ask people by direct message instead of by mail." }
            p { a href="slack/install" { "Connect a Slack workspace" } }
        }
        div class="card" {
            h2 { "Make a key" }
            form method="post" action="account/keys" {
                input type="hidden" name="nonce" value=(view.form_nonce);
                label for="name" { "Name" }
                p class="hint" id="about-name" { "Approvers see it as the requester." }
                input type="text" id="name" name="name" required maxlength="100" aria-describedby="about-name";
                fieldset class="choices" {
                    legend { "Role" }
                    @for (role, meaning) in ROLE_DESCRIPTIONS {
                        @let id = format!("role-{}", role.name());
                        div {
                            input type="radio" id=(id) name="role" value=(role.name()) checked[role == Role::Agent];
                            " " label class="inline" for=(id) { (role.name()) ": " (meaning) }
                        }
                    }
                }
                label for="approvers" { "Approvers" }
                p class="hint" id="about-approvers" {
                    "Whom the key may ask: addresses, *@example.com for a domain, or * for anyone. If you leave it empty, "
                    "an agent may ask only you."
                }
                input type="text" id="approvers" name="approvers" autocomplete="off" spellcheck="false"
                    aria-describedby="about-approvers";
                div class="choices" { button class="approve first" { b { "Make the key" } span { "It is shown once" } } }
            }
        }
    };
    own_origin_response(StatusCode::OK, "Your account", body)
}

const ROLE_DESCRIPTIONS: [(Role, &str); 3] =
    [(Role::Agent, "asks and waits"), (Role::App, "may answer too"), (Role::Admin, "may also look after keys")];

fn key_row(key: &ApiKey, used: u64) -> Markup {
    html! {
        div class="row" {
            div {
                h3 { bdi { (visible_text(&key.name)) } }
                p class="small soft" {
                    code { (key.prefix) "…" } " · " (key.role.name()) " · " (used) " this month"
                    @if let Some(limit) = key.decisions_per_month { " of " (limit) }
                    @if !key.approvers.is_empty() { " · may ask " (approver_list(key)) }
                }
            }
            @if key.revoked_at.is_some() { span class="chip" { "revoked" } }
            @else {
                form method="post" action={ "account/keys/" (key.id) "/revoke" } {
                    button class="small deny" aria-label={ "Revoke " (visible_text(&key.name)) } { "Revoke" }
                }
            }
        }
    }
}

fn approver_list(key: &ApiKey) -> String {
    let approvers: Vec<String> = key.approvers.iter().map(ToString::to_string).collect();
    visible_text(&approvers.join(", ")).to_string()
}

/// New API key as its page shows it. Stored for a form that is sent again.
#[derive(Serialize, Deserialize)]
pub(super) struct NewKeyView {
    pub name: String,
    pub role: Role,
    pub secret: String,
}

/// The page of a new API key, the only one that shows its secret.
pub(super) fn new_key_page(root: &str, key: &NewKeyView) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Your new key" }
            p class="lede" { "Copy it now: it is shown this once." }
            pre class="code key" tabindex="0" role="region" aria-label="The new key" { (key.secret) }
            p class="small soft" { bdi { (visible_text(&key.name)) } " · " (key.role.name()) }
            p { a href={ (root) "account" } { "To your account" } }
        }
    };
    own_origin_response(StatusCode::CREATED, "Your new key", body)
}
