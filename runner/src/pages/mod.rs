//! HTML of the local pages: start page, mails, webhooks.
//!
//! Used by the local routes only, never deployed. The pages have the guarantees of `handrail_web::pages`, and
//! outside text is escaped. They render their arguments and read no state.

mod frame;
mod hooks;
mod mails;

pub(crate) use hooks::{Attempt, Call, Delivery, Hooks, hooks};
pub(crate) use mails::{MailDetail, MailRow, mail, mails};

use frame::local;
use handrail_web::pages::visible_text;
use http::{Response, StatusCode};
use maud::{Markup, html};

/// Data of the start page.
#[derive(Debug, Clone)]
pub(crate) struct Home<'a> {
    /// Origin of this server, for example `http://127.0.0.1:8080`.
    pub address: &'a str,
    /// Command to try.
    pub curl: &'a str,
    /// Time of the local clock, in UTC.
    pub clock: &'a str,
    /// Offset to the machine's clock, if the clock was moved.
    pub advanced: Option<&'a str>,
    pub operations: &'a [Operation<'a>],
}

/// API operation in the list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub summary: &'a str,
}

/// Renders the start page `/`.
#[must_use]
pub(crate) fn home(view: &Home<'_>) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Handrail runs on this machine" }
            p class="lede" {
                "An agent asks for a decision by API, a person answers from a mail, and the agent gets the answer exactly once. "
                "Mails are kept on this machine instead of being sent."
            }
            dl class="facts" {
                dt { "Address" }
                dd { code { (view.address) } }
                dt { "Clock" }
                dd {
                    (view.clock)
                    @if let Some(advanced) = view.advanced {
                        " " span class="chip mid" { "moved ahead by " (advanced) }
                    }
                }
            }
            h2 { "Try it" }
            pre class="code" tabindex="0" role="region" aria-label="A command to try" data-curl { (view.curl) }
            h2 { "Then look" }
            ul class="links" {
                li { a href="/local/mail" { "Mail" } }
                li { a href="/local/hooks" { "Webhooks" } }
                li { a href="/account" { "Account" } }
                li { a href="/healthz" { "Health" } }
            }
        }
        div class="card" {
            h2 { "Operations" }
            (operations(view.operations))
        }
    };
    local(StatusCode::OK, "This machine", body)
}

/// Renders a 404 page for a missing local item.
#[must_use]
pub(crate) fn not_here(what: &str) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Not here" }
            p class="lede" { "There is no " (visible_text(what)) "." }
            p { "It may be from before this program was started again. " a href="/" { "Start from the first page" } "." }
        }
    };
    local(StatusCode::NOT_FOUND, "Not here", body)
}

fn operations(operations: &[Operation<'_>]) -> Markup {
    html! {
        table class="ops" {
            thead {
                tr { th scope="col" { "Method" } th scope="col" { "Path" } th scope="col" { "What it does" } }
            }
            tbody {
                @for operation in operations {
                    tr {
                        td class="verb" { (operation.method) }
                        td { code { (operation.path) } }
                        td { (operation.summary) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile text of an agent, receiver or mail.
    pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \
        javascript:alert(1) </textarea></pre></title></iframe> \u{202e}desrever\0";

    /// Asserts that the markup of [`HOSTILE`] is escaped in `page`.
    pub(super) fn assert_harmless(page: &str) {
        for never in ["<script", "<img", "</iframe> ", "\u{202e}", "\0", "href=\"javascript:"] {
            assert!(!page.contains(never), "{never:?} is on the page");
        }
        assert_eq!(page.matches("<h1").count(), 1, "one h1");
    }

    #[test]
    fn home_shows_server_and_escapes_text() {
        let hostile = "<script>\"><img>";
        let operations = [Operation { method: "POST", path: hostile, summary: hostile }];
        let view =
            Home { address: hostile, curl: hostile, clock: hostile, advanced: Some(hostile), operations: &operations };
        assert_harmless(home(&view).body());
        let view = Home {
            address: "http://127.0.0.1:8080",
            curl: "curl -d '{\"a\":1}' http://127.0.0.1:8080/",
            clock: "14 March 2026, 16:30:00 UTC",
            advanced: None,
            operations: &operations,
        };
        let response = home(&view);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let page = response.into_body();
        assert!(page.contains("data-curl>curl -d '{&quot;a&quot;:1}' http://127.0.0.1:8080/</pre>"));
        assert!(!page.contains("moved ahead"));
        for link in ["/local/mail", "/local/hooks", "/healthz"] {
            assert!(page.contains(&format!("<li><a href=\"{link}\">")), "{link}");
        }
    }

    #[test]
    fn missing_item_is_not_found() {
        let response = not_here(HOSTILE);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_harmless(response.body());
    }
}
