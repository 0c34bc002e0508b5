//! The time that is left: in words as the page is made, and counted down where scripts run.

use maud::{Markup, html};

use super::{AtDeadline, name, span};

/// Its hash is in the page's policy. It touches nothing but the two elements below.
pub(super) const SCRIPT: &str = include_str!("countdown.js");

pub(super) fn left(ms: i64) -> Markup {
    html! {
        // Not spoken with every change.
        span id="left" role="timer" data-ms=(ms.max(0)) { (span(ms / 60_000)) " left" }
    }
}

/// Shown by the script at the end; the page behind the link says the same without it.
pub(super) fn over(at_deadline: &AtDeadline<'_>) -> Markup {
    html! {
        p class="problem" id="over" role="alert" hidden {
            "The time is over. "
            @match at_deadline {
                AtDeadline::Expires => "Without an answer the request has expired. ",
                AtDeadline::GoesTo(backup) => { "Without an answer the request went to " (name(backup)) ". " }
            }
            "Open this page again to see how it stands."
        }
    }
}
