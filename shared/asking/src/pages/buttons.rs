//! The buttons of a request, on its page and in its mail, each named by what it does.

use handrail_domain::decision::{Choice, ResponseType};

use super::Tap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Button {
    pub tap: Tap,
    pub label: &'static str,
    /// What it means, in a few words.
    pub meaning: &'static str,
    /// Sends what was filled in, so the browser looks at that first.
    pub checks: bool,
}

impl Button {
    /// How it looks.
    pub fn tone(self) -> Choice {
        match self.tap {
            Tap::Approve | Tap::Now => Choice::Approve,
            Tap::Deny => Choice::Deny,
            Tap::Modify => Choice::Modify,
        }
    }
}

/// On the page: the answers that may be given, in the order in which people expect them.
#[must_use]
pub fn on_page(asked: &ResponseType, options: &[Choice]) -> Vec<Button> {
    let mut buttons = Vec::with_capacity(4);
    for choice in options {
        match choice {
            Choice::Approve => buttons.extend(approving(asked)),
            Choice::Deny => buttons.push(denying(asked)),
            Choice::Modify => buttons.push(MODIFY),
        }
    }
    buttons
}

/// In the mail, where nothing can be filled in: a button leads to the form.
#[must_use]
pub fn in_mail(asked: &ResponseType, options: &[Choice]) -> Vec<Button> {
    let named = |button: Button| match button.tap {
        Tap::Approve if !asked.is_plain() => {
            Some(Button { label: "Answer", meaning: "On the page you are asked for it", ..button })
        }
        // One way to the form is enough.
        Tap::Now => None,
        Tap::Approve | Tap::Deny | Tap::Modify => Some(button),
    };
    on_page(asked, options).into_iter().filter_map(named).collect()
}

/// The plain word for it.
#[must_use]
pub fn label(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => APPROVE.label,
        Choice::Deny => DENY.label,
        Choice::Modify => MODIFY.label,
    }
}

const APPROVE: Button = Button { tap: Tap::Approve, label: "Approve", meaning: "Yes, as it is written", checks: false };
const DENY: Button = Button { tap: Tap::Deny, label: "Deny", meaning: "No, it must not happen", checks: false };
const MODIFY: Button =
    Button { tap: Tap::Modify, label: "Modify", meaning: "Yes, with the changes in your notes", checks: false };

fn approving(asked: &ResponseType) -> Vec<Button> {
    let sends = |label, meaning| vec![Button { label, meaning, checks: true, ..APPROVE }];
    match asked {
        ResponseType::ApproveDeny => vec![APPROVE],
        ResponseType::Confirm => vec![Button { label: "Confirm", ..APPROVE }],
        ResponseType::Choose { .. } => sends("Send this answer", "The agent gets what you picked"),
        ResponseType::TextInput { .. } | ResponseType::NumberInput { .. } | ResponseType::Reply { .. } => {
            sends("Send this answer", "The agent gets what you typed")
        }
        ResponseType::FileUpload { max_files, .. } => {
            sends(if *max_files == 1 { "Send this file" } else { "Send these files" }, "The agent gets what you picked")
        }
        ResponseType::Schedule { allow_immediate, .. } => {
            let mut buttons = sends("Approve for this time", "Yes, and not before");
            if *allow_immediate {
                buttons.push(Button { tap: Tap::Now, label: "Approve now", meaning: "Yes, at once", checks: false });
            }
            buttons
        }
    }
}

fn denying(asked: &ResponseType) -> Button {
    match asked {
        ResponseType::Confirm => Button { label: "Decline", ..DENY },
        _ => DENY,
    }
}
