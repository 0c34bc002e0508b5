//! Buttons of an approval request, on its page and in its mail.

use handrail_domain::decision::{Choice, ResponseType};

use super::form_values::FormButton;

/// Button with its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Button {
    pub form_button: FormButton,
    pub label: &'static str,
    /// Short explanation, shown below the label.
    pub meaning: &'static str,
    /// `true` if the browser validates the form before the button sends it.
    pub has_validation: bool,
}

impl Button {
    /// Returns the choice that determines the button's style.
    pub fn style(self) -> Choice {
        match self.form_button {
            FormButton::Approve | FormButton::ApproveNow => Choice::Approve,
            FormButton::Deny => Choice::Deny,
            FormButton::Modify => Choice::Modify,
        }
    }
}

/// Returns the buttons of the page, in the order of `options`.
#[must_use]
pub fn page_buttons(response_type: &ResponseType, options: &[Choice]) -> Vec<Button> {
    let mut buttons = Vec::with_capacity(4);
    for choice in options {
        match choice {
            Choice::Approve => buttons.extend(approve_buttons(response_type)),
            Choice::Deny => buttons.push(deny_button(response_type)),
            Choice::Modify => buttons.push(MODIFY),
        }
    }
    buttons
}

/// Returns the buttons of the mail. A mail has no form, so its buttons lead to the page.
#[must_use]
pub fn mail_buttons(response_type: &ResponseType, options: &[Choice]) -> Vec<Button> {
    let mail_button = |button: Button| match button.form_button {
        FormButton::Approve if !response_type.is_plain() => {
            Some(Button { label: "Answer", meaning: "On the page you are asked for it", ..button })
        }
        // The other button for approval leads to the form already.
        FormButton::ApproveNow => None,
        FormButton::Approve | FormButton::Deny | FormButton::Modify => Some(button),
    };
    page_buttons(response_type, options).into_iter().filter_map(mail_button).collect()
}

/// Returns the label of a choice's button.
#[must_use]
pub fn choice_label(choice: Choice) -> &'static str {
    match choice {
        Choice::Approve => APPROVE.label,
        Choice::Deny => DENY.label,
        Choice::Modify => MODIFY.label,
    }
}

const APPROVE: Button = Button {
    form_button: FormButton::Approve,
    label: "Approve",
    meaning: "Yes, as it is written",
    has_validation: false,
};
const DENY: Button =
    Button { form_button: FormButton::Deny, label: "Deny", meaning: "No, it must not happen", has_validation: false };
const MODIFY: Button = Button {
    form_button: FormButton::Modify,
    label: "Modify",
    meaning: "Yes, with the changes in your notes",
    has_validation: false,
};

fn approve_buttons(response_type: &ResponseType) -> Vec<Button> {
    let send_button = |label, meaning| vec![Button { label, meaning, has_validation: true, ..APPROVE }];
    match response_type {
        ResponseType::ApproveDeny => vec![APPROVE],
        ResponseType::Confirm => vec![Button { label: "Confirm", ..APPROVE }],
        ResponseType::Choose { .. } => send_button("Send this answer", "The agent gets what you picked"),
        ResponseType::TextInput { .. } | ResponseType::NumberInput { .. } | ResponseType::Reply { .. } => {
            send_button("Send this answer", "The agent gets what you typed")
        }
        ResponseType::FileUpload { max_files, .. } => send_button(
            if *max_files == 1 { "Send this file" } else { "Send these files" },
            "The agent gets what you picked",
        ),
        ResponseType::Schedule { allow_immediate, .. } => {
            let mut buttons = send_button("Approve for this time", "Yes, and not before");
            if *allow_immediate {
                buttons.push(Button {
                    form_button: FormButton::ApproveNow,
                    label: "Approve now",
                    meaning: "Yes, at once",
                    has_validation: false,
                });
            }
            buttons
        }
    }
}

fn deny_button(response_type: &ResponseType) -> Button {
    match response_type {
        ResponseType::Confirm => Button { label: "Decline", ..DENY },
        _ => DENY,
    }
}
