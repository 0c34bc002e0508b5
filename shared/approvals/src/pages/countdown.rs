//! Remaining time of a request, as text, which a script counts down.

use maud::{Markup, html};

use super::format::{duration, isolated_name};

/// Consequence of a missed deadline.
#[derive(Debug, Clone, Copy)]
pub enum AtDeadline<'a> {
    /// The request expires unanswered.
    Expires,
    /// The request goes to the backup with this address.
    EscalatesTo(&'a str),
}

/// Script of the countdown, which changes only the two elements below. The content security policy contains its hash.
pub(super) const SCRIPT: &str = include_str!("countdown.js");

pub(super) fn time_left(ms: i64) -> Markup {
    html! {
        // The role `timer` keeps screen readers from announcing every change.
        span id="left" role="timer" data-ms=(ms.max(0)) { (duration(ms / 60_000)) " left" }
    }
}

/// Returns the notice that the script shows at the deadline. Without scripts, reloading the page shows the new state.
pub(super) fn time_over_notice(at_deadline: &AtDeadline<'_>) -> Markup {
    html! {
        p class="problem" id="over" role="alert" hidden {
            "The time is over. "
            @match at_deadline {
                AtDeadline::Expires => "Without an answer the request has expired. ",
                AtDeadline::EscalatesTo(backup) => { "Without an answer the request went to " (isolated_name(backup)) ". " }
            }
            "Open this page again to see how it stands."
        }
    }
}
