//! The pages of the approver's link `/d/{token}`: what is asked, and what became of it.
//!
//! Called by the routes that serve the link; every function here is pure and gives a whole answer
//! with its status. They guarantee that outside text is escaped, that deceiving characters are
//! visible, that the agent's words stand in a box that says so, that no address in them can be
//! followed, and that everything works without a script. They decide nothing: whether a link is
//! good, who answered and when is told to them by the caller.

mod agent;
mod ask;
mod ended;
mod refused;
mod words;

pub use ask::{AskView, ask};
pub use ended::{DecidedView, ExpiredView, MovedView, already_decided, expired, moved, outcome};
pub use refused::{not_found, rate_limited, too_large, unavailable, unreadable};
pub use words::span;

use handrail_domain::decision::Choice;
use handrail_kernel::pages::shown;
use maud::{Markup, html};

/// The word on the button.
#[must_use]
pub fn label(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "Approve",
        Choice::Deny => "Deny",
        Choice::Modify => "Modify",
    }
}

/// What the button means, in a few words.
#[must_use]
pub fn meaning(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => "Yes, as it is written",
        Choice::Deny => "No, it must not happen",
        Choice::Modify => "Yes, with the changes in your notes",
    }
}

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

/// The way an answer came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// On the page behind the link in the mail.
    Link,
    /// Through the API, by somebody who holds a key.
    Api,
}

/// An outside name inside a sentence of ours: it cannot turn the sentence's direction.
fn name(text: &str) -> Markup {
    html! { bdi { (shown(text)) } }
}

fn time(moment: &Moment<'_>) -> Markup {
    html! { time datetime=(moment.machine) { (moment.text) } }
}

#[cfg(test)]
mod samples {
    //! What a hostile agent would send, and what no page may then contain.

    pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \
        javascript:alert(1) https://evil.example/d/x </textarea></pre></title> \u{202e}desrever\0";

    /// Panics unless `page` is free of everything that [`HOSTILE`] tries.
    pub(super) fn assert_harmless(page: &str) {
        for never in ["<script", "<img", "</textarea></pre>", "\u{202e}", "\0", "href=\"https:", "href=\"javascript:"] {
            assert!(!page.contains(never), "{never:?} is on the page");
        }
        let tags: Vec<&str> = page.split('<').skip(1).filter_map(|rest| rest.split('>').next()).collect();
        for tag in &tags {
            assert!(!tag.contains("javascript:"), "{tag}");
            assert!(!tag.split_whitespace().skip(1).any(|word| word.starts_with("on")), "a handler in {tag}");
        }
        assert_eq!(tags.iter().filter(|tag| **tag == "h1").count(), 1, "one h1");
        assert_labelled(&tags);
    }

    fn assert_labelled(tags: &[&str]) {
        let attribute = |tag: &str, name: &str| {
            tag.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
        };
        for tag in tags.iter().filter(|tag| ["input", "textarea", "select"].iter().any(|name| tag.starts_with(name))) {
            let id = attribute(tag, "id").unwrap_or_else(|| panic!("{tag} has no id"));
            let bound = tags
                .iter()
                .any(|label| label.starts_with("label") && attribute(label, "for").as_deref() == Some(id.as_str()));
            assert!(bound, "{tag} has no label");
        }
    }
}
