//! Times on the pages, for people and for programs.

use maud::{Markup, html};

/// Time as text for people and for programs.
#[derive(Debug, Clone, Copy)]
pub struct TimeText<'a> {
    /// Time in UTC, with the zone: `14 March 2026, 16:30 UTC`.
    pub text: &'a str,
    /// Time in RFC 3339: `2026-03-14T16:30:00Z`.
    pub rfc3339: &'a str,
}

pub(super) fn time_element(time: &TimeText<'_>) -> Markup {
    html! { time datetime=(time.rfc3339) { (time.text) } }
}
