//! Values of a submitted form, which the page shows again after a form error.

/// Submitted values, unparsed. Files are missing, because a page cannot fill in a file input.
#[derive(Clone, Debug, Default)]
pub struct FormValues {
    /// Button that was clicked on the page, or that is preselected by the link in the mail.
    pub form_button: Option<FormButton>,
    pub notes: String,
    /// Index of the chosen option, counted from 0. Browsers may change line ends in the text of an option.
    pub chosen: String,
    /// Texts in the order of their fields.
    pub texts: Vec<String>,
    pub value: String,
    pub date: String,
    pub time: String,
    /// Reason why the form was rejected.
    pub field_error: Option<FormError>,
}

/// Button of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormButton {
    Approve,
    /// Approval without a time, for requests that ask for a time.
    ApproveNow,
    Deny,
    Modify,
}

impl FormButton {
    const ALL: [Self; 4] = [Self::Approve, Self::ApproveNow, Self::Deny, Self::Modify];

    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::ApproveNow => "now",
            Self::Deny => "deny",
            Self::Modify => "modify",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|button| button.name() == name)
    }
}

/// Error of a submitted form, with a message for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormError {
    pub field: FormField,
    pub message: String,
}

/// Field of the form that an error refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormField {
    /// The error concerns the form as a whole.
    WholeForm,
    Notes,
    Chosen,
    Text(usize),
    Value,
    Files,
    Time,
}

impl FormValues {
    pub(super) fn has_error(&self, field: FormField) -> bool {
        self.field_error.as_ref().is_some_and(|error| error.field == field)
    }
}
