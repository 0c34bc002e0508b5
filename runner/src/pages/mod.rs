//! The pages of the program on this machine: what runs here, the mails it would have sent, the
//! calls it made and took.
//!
//! Called by the local routes of `handrail` only; no deployed door has them. They guarantee what
//! every page does (see `handrail_kernel::pages`), and outside text is escaped and shown as text.
//! They keep no state and ask nobody: what they show is handed to them.

mod hooks;
mod mails;

pub(crate) use hooks::{Attempt, Call, Delivery, Hooks, hooks};
pub(crate) use mails::{MailDetail, MailRow, mail, mails};

use handrail_kernel::pages::{Page, html as respond, shown};
use http::{Response, StatusCode};
use maud::{Markup, html};

/// All that the first page tells.
#[derive(Debug, Clone)]
pub(crate) struct Home<'a> {
    /// Where this program answers: `http://127.0.0.1:8080`.
    pub address: &'a str,
    /// A command to try, as it is typed.
    pub curl: &'a str,
    /// The clock of this program, in UTC.
    pub clock: &'a str,
    /// How far the clock was moved ahead of the machine's, where it was.
    pub advanced: Option<&'a str>,
    pub operations: &'a [Operation<'a>],
}

/// One thing the API can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub summary: &'a str,
}

/// `/`
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

/// 404: nothing local has this address.
#[must_use]
pub(crate) fn not_here(what: &str) -> Response<String> {
    let body = html! {
        div class="card" {
            h1 { "Not here" }
            p class="lede" { "There is no " (shown(what)) "." }
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

fn local(status: StatusCode, title: &str, body: Markup) -> Response<String> {
    respond(status, &frame(title, body))
}

fn frame(title: &str, body: Markup) -> Page<'_> {
    let bar = html! {
        nav aria-label="This machine" {
            a href="/" { "Start" }
            a href="/local/mail" { "Mail" }
            a href="/local/hooks" { "Webhooks" }
        }
    };
    Page::new(title, body).bar(bar).wide()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hostile agent, receiver or mail would bring.
    pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \
        javascript:alert(1) </textarea></pre></title></iframe> \u{202e}desrever\0";

    /// Panics unless `page` is free of everything that [`HOSTILE`] tries.
    pub(super) fn assert_harmless(page: &str) {
        for never in ["<script", "<img", "</iframe> ", "\u{202e}", "\0", "href=\"javascript:"] {
            assert!(!page.contains(never), "{never:?} is on the page");
        }
        assert_eq!(page.matches("<h1").count(), 1, "one h1");
    }

    #[test]
    fn home_tells_what_runs_and_escapes_it() {
        let bad = "<script>\"><img>";
        let operations = [Operation { method: "POST", path: bad, summary: bad }];
        let view = Home { address: bad, curl: bad, clock: bad, advanced: Some(bad), operations: &operations };
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
    fn what_is_missing_is_a_404() {
        let response = not_here(HOSTILE);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_harmless(response.body());
    }
}
