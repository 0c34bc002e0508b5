//! The seven ways to answer, and how each is asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::ask::{Invalid, invalid};
use crate::attachment::ATTACHMENTS_MAX;
use crate::text::one_line;

const FIELD: &str = "response_type";

pub(super) const LABEL_CHARS_MAX: usize = 200;
pub(super) const CHOICES_MAX: usize = 50;
pub(super) const FIELDS_MAX: usize = 20;
pub(super) const FIELD_NAME_CHARS_MAX: usize = 64;
const ACCEPT_MAX: usize = 20;
const ACCEPT_CHARS_MAX: usize = 100;

/// What the approver is asked for, beside yes or no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseType {
    ApproveDeny,
    Choose {
        label: String,
        choices: Vec<String>,
    },
    TextInput {
        #[serde(default, skip_serializing_if = "String::is_empty")]
        label: String,
        fields: Vec<TextField>,
    },
    NumberInput {
        label: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Number>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Number>,
        placeholder: String,
    },
    Confirm,
    FileUpload {
        label: String,
        max_files: usize,
        accept: Vec<String>,
    },
    Schedule {
        label: String,
        allow_immediate: bool,
    },
    /// An answer in words, perhaps one of those that are offered. Only a packet's checkpoint asks so: there the words are the
    /// whole answer, and nothing is approved or denied. No request for a decision can name it.
    Reply {
        choices: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextField {
    pub name: String,
    pub label: String,
    pub required: bool,
    pub placeholder: String,
}

const NAMES: &str = "approve_deny, choose, text_input, number_input, confirm, file_upload, schedule";

impl ResponseType {
    /// Reads what came over the wire. Members that a type does not have are read over.
    pub fn check(value: &Value) -> Result<Self, Invalid> {
        let Value::Object(members) = value else {
            return Err(invalid(FIELD, "must be an object such as {\"type\": \"confirm\"}"));
        };
        let wire = Wire(members);
        let kind = wire.text("type")?.ok_or_else(|| invalid(FIELD, format!("must have a type: one of {NAMES}")))?;
        Ok(match kind {
            "approve_deny" => Self::ApproveDeny,
            "choose" => Self::Choose { label: wire.label("Select an option")?, choices: wire.choices()? },
            "text_input" => Self::TextInput { label: wire.label("")?, fields: wire.fields()? },
            "number_input" => wire.number_input()?,
            "confirm" => Self::Confirm,
            "file_upload" => Self::FileUpload {
                label: wire.label("Upload a file")?,
                max_files: wire.max_files()?,
                accept: wire.accept()?,
            },
            "schedule" => Self::Schedule {
                label: wire.label("When should it happen?")?,
                allow_immediate: wire.flag("allow_immediate", true)?,
            },
            _ => return Err(invalid(FIELD, format!("has an unknown type: use one of {NAMES}"))),
        })
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::ApproveDeny => "approve_deny",
            Self::Choose { .. } => "choose",
            Self::TextInput { .. } => "text_input",
            Self::NumberInput { .. } => "number_input",
            Self::Confirm => "confirm",
            Self::FileUpload { .. } => "file_upload",
            Self::Schedule { .. } => "schedule",
            Self::Reply { .. } => "reply",
        }
    }

    /// Is a plain yes the whole answer? Then a rule may give it.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::ApproveDeny | Self::Confirm)
    }
}

/// Members as they came, null as good as absent.
struct Wire<'a>(&'a Map<String, Value>);

impl<'a> Wire<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Invalid> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "must be a text")),
        }
    }

    /// One line of bounded length.
    fn line(&self, name: &str, chars_max: usize) -> Result<Option<&'a str>, Invalid> {
        let text = self.text(name)?;
        text.map_or(Ok(None), |text| is_line(text, chars_max).map(|()| Some(text)).map_err(|why| wrong(name, &why)))
    }

    fn label(&self, otherwise: &str) -> Result<String, Invalid> {
        let label = self.line("label", LABEL_CHARS_MAX)?.filter(|label| shows_something(label));
        Ok(label.unwrap_or(otherwise).to_owned())
    }

    fn flag(&self, name: &str, otherwise: bool) -> Result<bool, Invalid> {
        match self.get(name) {
            None => Ok(otherwise),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(name, "must be true or false")),
        }
    }

    fn list(&self, name: &str, least: usize, most: usize) -> Result<&'a [Value], Invalid> {
        match self.get(name) {
            Some(Value::Array(items)) if (least..=most).contains(&items.len()) => Ok(items),
            None if least == 0 => Ok(&[]),
            _ => Err(wrong(name, &format!("must be a list of {least} to {most}"))),
        }
    }

    fn choices(&self) -> Result<Vec<String>, Invalid> {
        let choices = self.list("choices", 2, CHOICES_MAX)?.iter().map(|choice| choice.as_str().map(str::to_owned));
        let choices = choices.collect::<Option<Vec<_>>>().ok_or_else(|| wrong("choices", "must be texts"))?;
        check_choices(&choices).map_err(|why| wrong("choices", &why))?;
        Ok(choices)
    }

    fn fields(&self) -> Result<Vec<TextField>, Invalid> {
        let mut fields: Vec<TextField> = Vec::new();
        for field in self.list("fields", 1, FIELDS_MAX)? {
            let Value::Object(members) = field else { return Err(wrong("fields", "must be objects")) };
            let wire = Wire(members);
            let name = wire.line("name", FIELD_NAME_CHARS_MAX)?.filter(|name| shows_something(name));
            let name = name.ok_or_else(|| wrong("fields", "must each have a name"))?;
            if fields.iter().any(|earlier| earlier.name == name) {
                return Err(wrong("fields", "must have names that differ from each other"));
            }
            fields.push(TextField {
                name: name.to_owned(),
                label: wire.label(name)?,
                required: wire.flag("required", false)?,
                placeholder: wire.line("placeholder", LABEL_CHARS_MAX)?.unwrap_or_default().to_owned(),
            });
        }
        Ok(fields)
    }

    fn number_input(&self) -> Result<ResponseType, Invalid> {
        let bound = |name| match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(Some(number.clone())),
            Some(_) => Err(wrong(name, "must be a number")),
        };
        let (min, max) = (bound("min")?, bound("max")?);
        if let (Some(min), Some(max)) = (&min, &max)
            && min.as_f64() > max.as_f64()
        {
            return Err(wrong("min", "must not be more than max"));
        }
        Ok(ResponseType::NumberInput {
            label: self.label("Enter a number")?,
            min,
            max,
            placeholder: self.line("placeholder", LABEL_CHARS_MAX)?.unwrap_or_default().to_owned(),
        })
    }

    fn max_files(&self) -> Result<usize, Invalid> {
        let wrong = || wrong("max_files", &format!("must be a whole number from 1 to {ATTACHMENTS_MAX}"));
        match self.get("max_files") {
            None => Ok(ATTACHMENTS_MAX),
            Some(Value::Number(number)) => {
                let count = number.as_u64().and_then(|count| usize::try_from(count).ok());
                count.filter(|count| (1..=ATTACHMENTS_MAX).contains(count)).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// As in HTML: a MIME type, `image/*`, or `.ext`.
    fn accept(&self) -> Result<Vec<String>, Invalid> {
        let mut accept = Vec::new();
        for kind in self.list("accept", 0, ACCEPT_MAX)? {
            let kind = kind.as_str().unwrap_or_default().trim();
            let is_ending = kind.starts_with('.') && !kind.ends_with('.') && !kind.contains(['/', '*']);
            let halves = kind.split_once('/');
            let is_mime = halves.is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('/'));
            let known = kind.len() <= ACCEPT_CHARS_MAX
                && kind.bytes().all(|c| c.is_ascii_alphanumeric() || b"./*+-_".contains(&c))
                && (is_ending || is_mime && !kind.starts_with('.'));
            if !known {
                return Err(wrong(
                    "accept",
                    "must hold MIME types such as image/* or application/pdf, or endings such as .csv",
                ));
            }
            accept.push(kind.to_ascii_lowercase());
        }
        Ok(accept)
    }
}

fn wrong(member: &str, why: &str) -> Invalid {
    invalid(FIELD, format!("is not right: {member} {why}"))
}

/// Can a person be shown these, and tell one from the other?
pub(crate) fn check_choices(choices: &[String]) -> Result<(), String> {
    if choices.len() > CHOICES_MAX {
        return Err(format!("must be at most {CHOICES_MAX}"));
    }
    for (at, choice) in choices.iter().enumerate() {
        is_line(choice, LABEL_CHARS_MAX)?;
        if !shows_something(choice) {
            return Err("must not be blank".to_owned());
        }
        if choices.iter().take(at).any(|earlier| earlier == choice) {
            return Err("must differ from each other".to_owned());
        }
    }
    Ok(())
}

/// Zero-width characters are no label and no name either.
fn shows_something(text: &str) -> bool {
    !one_line(text, LABEL_CHARS_MAX).is_empty()
}

fn is_line(text: &str, chars_max: usize) -> Result<(), String> {
    if text.chars().count() > chars_max {
        return Err(format!("must be at most {chars_max} characters"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("must be one line without control characters".to_owned());
    }
    Ok(())
}
