//! The pages of the approver's link `/d/{token}`: what is asked, and what became of it.
//!
//! Called by the routes that serve the link; every function here is pure and gives a whole answer
//! with its status. They guarantee that outside text is escaped, that deceiving characters are
//! visible, that the agent's words stand in a box that says so, that no address in them can be
//! followed, and that everything works without the one small script, which counts down. They decide nothing: whether a link is
//! good, who answered and when is told to them by the caller.

mod agent;
mod answer;
mod ask;
mod attached;
mod buttons;
mod countdown;
mod ended;
mod inputs;
mod refused;
mod reply;
#[cfg(test)]
mod samples;
mod typed;
mod words;

pub use answer::{How, Said};
pub use ask::{AskView, ask};
pub use attached::{FileView, Picture};
pub use buttons::{Button, in_mail, label, on_page};
pub use ended::{
    CancelledView, DecidedView, ExpiredView, MovedView, Verdict, already_decided, cancelled, expired, moved, outcome,
};
pub use inputs::{Days, OWN, bounds};
pub use refused::{not_found, rate_limited, too_large, unavailable, unreadable};
pub use reply::{BOTH, Unclear, reply};
pub use typed::{Input, Tap, Trouble, Typed};
pub use words::span;

use handrail_kernel::pages::shown;
use maud::{Markup, html};

/// A time, once for people and once for machines.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// In UTC and saying so: `14 March 2026, 16:30 UTC`.
    pub text: &'a str,
    /// RFC 3339: `2026-03-14T16:30:00Z`.
    pub machine: &'a str,
}

/// What happens when nobody answers in time.
#[derive(Debug, Clone, Copy)]
pub enum AtDeadline<'a> {
    /// The request expires unanswered.
    Expires,
    /// It goes to the backup approver with this address.
    GoesTo(&'a str),
}

/// An outside name inside a sentence of ours: it cannot turn the sentence's direction.
fn name(text: &str) -> Markup {
    html! { bdi { (shown(text)) } }
}

fn time(moment: &Moment<'_>) -> Markup {
    html! { time datetime=(moment.machine) { (moment.text) } }
}
