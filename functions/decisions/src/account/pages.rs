//! The pages of the account: signing in, the keys, a new key. No script, and forms that post to their own origin.
//!
//! Every function is pure and gives a whole answer. `root` leads from the page's address to the root of the service, so
//! that the forms work under any prefix.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_domain::access::Role;
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::pages::{Page, html as respond, shown};
use handrail_kernel::problem::{Problem, RequestId};
use handrail_kernel::store::Key;
use http::header::REFERRER_POLICY;
use http::{HeaderValue, Response, StatusCode};
use maud::{Markup, html};

pub(super) const DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    let (title, words) = match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => (
            "This link does not work",
            "Mail programs sometimes cut a long link in two. Open it from the mail again, or copy the whole of it.",
        ),
        Problem::RateLimited { .. } => {
            ("Too many tries", "Wait a little, then try again. Nothing was done by this one.")
        }
        Problem::Busy { .. } | Problem::Broken => {
            ("Something went wrong here", "The fault is ours. Try again in a minute.")
        }
        Problem::NoCredentials | Problem::UnknownKey => {
            ("You are signed out", "Open the account page and sign in again.")
        }
        Problem::KeyMayNot { .. } | Problem::Invalid { .. } | Problem::TooLarge { .. } | Problem::Refused { .. } => {
            return notice(problem.status(), "That was not taken", &format!("{}.", problem.message())).into_response();
        }
    };
    notice(problem.status(), title, words).into_response()
}

fn notice(status: StatusCode, title: &str, words: &str) -> Response<String> {
    page(status, title, html! { div class="card" { h1 { (title) } p class="lede" { (shown(words)) } } })
}

/// Browsers that may send no referrer say that a form comes from nowhere. These addresses go to their own origin alone.
fn page(status: StatusCode, title: &str, body: Markup) -> Response<String> {
    let mut response = respond(status, &Page::new(title, body));
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Where whoever is not signed in asks for a mail.
pub(super) fn sign_in(status: StatusCode, root: &str, problem: Option<&str>) -> Response<String> {
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
    page(status, "Sign in", body)
}

/// The same for every address: whether it has an account is not told.
pub(super) fn sent() -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Look into your mailbox" }
            p class="lede" { "If this address has an account, a mail with a link is on its way." }
            p { "The link works once, for 15 minutes. You can close this page." }
        }
    };
    page(StatusCode::ACCEPTED, "Look into your mailbox", body)
}

/// Behind the link in the mail. The button posts to this very address.
pub(super) fn enter(email: &str, until: &str) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Sign in" }
            p class="lede" { "As " bdi { (shown(email)) } "." }
            form method="post" { button class="approve first" { b { "Sign in" } span { "Works once, until " (until) } } }
        }
    };
    page(StatusCode::OK, "Sign in", body)
}

pub(super) fn link_over(used: bool) -> Response<String> {
    let words = if used {
        "This link was used already: it works once."
    } else {
        "This link is too old: it works for 15 minutes."
    };
    let body = html! {
        div class="card" {
            h1 { "This link is over" }
            p class="lede" { (words) }
            p { a href="../../account" { "Ask for another one" } }
        }
    };
    page(StatusCode::GONE, "This link is over", body)
}

/// All that the account's page tells.
pub(super) struct AccountView<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub tier: &'a str,
    pub month: &'a str,
    pub used: u64,
    pub limit: Option<u32>,
    /// With what each used this month.
    pub keys: &'a [(Key, u64)],
}

pub(super) fn account(view: &AccountView<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Your account" }
            dl class="facts" {
                dt { "Name" } dd { bdi { (shown(view.name)) } }
                dt { "Email" } dd { bdi { (shown(view.email)) } }
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
                label for="name" { "Name" }
                p class="hint" id="about-name" { "Approvers see it as the one who asks." }
                input type="text" id="name" name="name" required maxlength="100" aria-describedby="about-name";
                fieldset class="choices" {
                    legend { "Role" }
                    @for (role, meaning) in ROLES {
                        @let id = format!("role-{}", role.name());
                        div {
                            input type="radio" id=(id) name="role" value=(role.name()) checked[role == Role::Agent];
                            " " label class="inline" for=(id) { (role.name()) ": " (meaning) }
                        }
                    }
                }
                div class="choices" { button class="approve first" { b { "Make the key" } span { "It is shown once" } } }
            }
        }
    };
    page(StatusCode::OK, "Your account", body)
}

const ROLES: [(Role, &str); 3] =
    [(Role::Agent, "asks and waits"), (Role::App, "may answer too"), (Role::Admin, "may also look after keys")];

fn key_row(key: &Key, used: u64) -> Markup {
    html! {
        div class="row" {
            div {
                h3 { bdi { (shown(&key.name)) } }
                p class="small soft" {
                    code { (key.prefix) "…" } " · " (key.role.name()) " · " (used) " this month"
                    @if let Some(limit) = key.decisions_per_month { " of " (limit) }
                }
            }
            @if key.revoked_at.is_some() { span class="chip" { "revoked" } }
            @else {
                form method="post" action={ "account/keys/" (key.id) "/revoke" } {
                    button class="small deny" aria-label={ "Revoke " (shown(&key.name)) } { "Revoke" }
                }
            }
        }
    }
}

/// The only time that the key is seen.
pub(super) fn made(root: &str, key: &Key, secret: &str) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Your new key" }
            p class="lede" { "Copy it now: it is shown this once." }
            pre class="code key" tabindex="0" role="region" aria-label="The new key" { (secret) }
            p class="small soft" { bdi { (shown(&key.name)) } " · " (key.role.name()) }
            p { a href={ (root) "account" } { "To your account" } }
        }
    };
    page(StatusCode::CREATED, "Your new key", body)
}
