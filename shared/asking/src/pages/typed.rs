//! What a person typed into the form, so that it comes back when it is not taken.

/// As it came, in the names of the form's fields. Files do not come back: no page can fill them in.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// The button: tapped on the page, or picked in the mail.
    pub tap: Option<Tap>,
    pub notes: String,
    /// Which one of the choices, counted from 0: its text would not need to come back as it went.
    pub chosen: String,
    /// In the order in which the texts are asked for.
    pub texts: Vec<String>,
    pub value: String,
    pub date: String,
    pub time: String,
    /// Why it was not taken.
    pub problem: Option<Trouble>,
}

/// A button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    Approve,
    /// Where a time is asked for: approve without one.
    Now,
    Deny,
    Modify,
}

impl Tap {
    const ALL: [Self; 4] = [Self::Approve, Self::Now, Self::Deny, Self::Modify];

    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Now => "now",
            Self::Deny => "deny",
            Self::Modify => "modify",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tap| tap.name() == name)
    }
}

/// What is wrong, in words for the person, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub at: Input,
    pub words: String,
}

/// A place in the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// No single one.
    Form,
    Notes,
    Chosen,
    Text(usize),
    Value,
    Files,
    Time,
}

impl Typed {
    pub(super) fn is_wrong(&self, at: Input) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.at == at)
    }
}
