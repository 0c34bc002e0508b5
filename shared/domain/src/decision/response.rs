//! Response types: the form of the answer that a decision asks for, and the reader of the `response_type` field.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::field_error::invalid;
use crate::attachment::ATTACHMENTS_MAX;
use crate::field_error::FieldError;
use crate::text::one_line;

const FIELD: &str = "response_type";

pub(super) const LABEL_CHARS_MAX: usize = 200;
pub(super) const CHOICES_MAX: usize = 50;
pub(super) const FIELDS_MAX: usize = 20;
pub(super) const FIELD_NAME_CHARS_MAX: usize = 64;
const ACCEPT_MAX: usize = 20;
const ACCEPT_CHARS_MAX: usize = 100;

/// Form of the answer that the approver is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Free text, or one of the offered choices. Used only by the decision view of a packet checkpoint, where the text
    /// is the whole answer; `response_type` can't name this variant.
    #[schemars(skip)]
    Reply {
        choices: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TextField {
    pub name: String,
    pub label: String,
    pub required: bool,
    pub placeholder: String,
}

const TYPE_NAMES: &str = "approve_deny, choose, text_input, number_input, confirm, file_upload, schedule";

impl ResponseType {
    /// Parses the `response_type` field of a request. Members that the type does not have are ignored.
    pub fn check(value: &Value) -> Result<Self, FieldError> {
        let Value::Object(members) = value else {
            return Err(invalid(FIELD, "must be an object such as {\"type\": \"confirm\"}"));
        };
        let reader = ResponseTypeReader(members);
        let name =
            reader.text("type")?.ok_or_else(|| invalid(FIELD, format!("must have a type: one of {TYPE_NAMES}")))?;
        Ok(match name {
            "approve_deny" => Self::ApproveDeny,
            "choose" => Self::Choose { label: reader.label("Select an option")?, choices: reader.choices()? },
            "text_input" => Self::TextInput { label: reader.label("")?, fields: reader.fields()? },
            "number_input" => reader.number_input()?,
            "confirm" => Self::Confirm,
            "file_upload" => Self::FileUpload {
                label: reader.label("Upload a file")?,
                max_files: reader.max_files()?,
                accept: reader.accept()?,
            },
            "schedule" => Self::Schedule {
                label: reader.label("When should it happen?")?,
                allow_immediate: reader.flag("allow_immediate", true)?,
            },
            _ => return Err(invalid(FIELD, format!("has an unknown type: use one of {TYPE_NAMES}"))),
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

    /// Returns `true` if approving needs no further data. Only such decisions can be answered by a rule.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::ApproveDeny | Self::Confirm)
    }
}

/// Reader of the members of `response_type`. Null counts as absent.
struct ResponseTypeReader<'a>(&'a Map<String, Value>);

impl<'a> ResponseTypeReader<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(member_error(name, "must be a text")),
        }
    }

    /// Reads one line of at most `chars_max` characters.
    fn line(&self, name: &str, chars_max: usize) -> Result<Option<&'a str>, FieldError> {
        let text = self.text(name)?;
        text.map_or(Ok(None), |text| {
            check_line(text, chars_max).map(|()| Some(text)).map_err(|reason| member_error(name, &reason))
        })
    }

    fn label(&self, default: &str) -> Result<String, FieldError> {
        let label = self.line("label", LABEL_CHARS_MAX)?.filter(|label| is_visible(label));
        Ok(label.unwrap_or(default).to_owned())
    }

    fn flag(&self, name: &str, default: bool) -> Result<bool, FieldError> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(member_error(name, "must be true or false")),
        }
    }

    fn list(&self, name: &str, len_min: usize, len_max: usize) -> Result<&'a [Value], FieldError> {
        match self.get(name) {
            Some(Value::Array(items)) if (len_min..=len_max).contains(&items.len()) => Ok(items),
            None if len_min == 0 => Ok(&[]),
            _ => Err(member_error(name, &format!("must be a list of {len_min} to {len_max}"))),
        }
    }

    fn choices(&self) -> Result<Vec<String>, FieldError> {
        let choices = self.list("choices", 2, CHOICES_MAX)?.iter().map(|choice| choice.as_str().map(str::to_owned));
        let choices = choices.collect::<Option<Vec<_>>>().ok_or_else(|| member_error("choices", "must be texts"))?;
        check_choices(&choices).map_err(|reason| member_error("choices", &reason))?;
        Ok(choices)
    }

    fn fields(&self) -> Result<Vec<TextField>, FieldError> {
        let mut fields: Vec<TextField> = Vec::new();
        for field in self.list("fields", 1, FIELDS_MAX)? {
            let Value::Object(members) = field else { return Err(member_error("fields", "must be objects")) };
            let reader = ResponseTypeReader(members);
            let name = reader.line("name", FIELD_NAME_CHARS_MAX)?.filter(|name| is_visible(name));
            let name = name.ok_or_else(|| member_error("fields", "must each have a name"))?;
            if fields.iter().any(|earlier| earlier.name == name) {
                return Err(member_error("fields", "must have names that differ from each other"));
            }
            fields.push(TextField {
                name: name.to_owned(),
                label: reader.label(name)?,
                required: reader.flag("required", false)?,
                placeholder: reader.line("placeholder", LABEL_CHARS_MAX)?.unwrap_or_default().to_owned(),
            });
        }
        Ok(fields)
    }

    fn number_input(&self) -> Result<ResponseType, FieldError> {
        let bound = |name| match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.as_f64().is_some_and(f64::is_finite) => Ok(Some(number.clone())),
            Some(_) => Err(member_error(name, "must be a number")),
        };
        let (min, max) = (bound("min")?, bound("max")?);
        if let (Some(min), Some(max)) = (&min, &max)
            && min.as_f64() > max.as_f64()
        {
            return Err(member_error("min", "must not be more than max"));
        }
        Ok(ResponseType::NumberInput {
            label: self.label("Enter a number")?,
            min,
            max,
            placeholder: self.line("placeholder", LABEL_CHARS_MAX)?.unwrap_or_default().to_owned(),
        })
    }

    fn max_files(&self) -> Result<usize, FieldError> {
        let error = || member_error("max_files", &format!("must be a whole number from 1 to {ATTACHMENTS_MAX}"));
        match self.get("max_files") {
            None => Ok(ATTACHMENTS_MAX),
            Some(Value::Number(number)) => {
                let count = number.as_u64().and_then(|count| usize::try_from(count).ok());
                count.filter(|count| (1..=ATTACHMENTS_MAX).contains(count)).ok_or_else(error)
            }
            Some(_) => Err(error()),
        }
    }

    /// Reads the accepted file types in the format of HTML: a MIME type, `image/*`, or `.ext`.
    fn accept(&self) -> Result<Vec<String>, FieldError> {
        let mut accept = Vec::new();
        for entry in self.list("accept", 0, ACCEPT_MAX)? {
            let entry = entry.as_str().unwrap_or_default().trim();
            let is_extension = entry.starts_with('.') && !entry.ends_with('.') && !entry.contains(['/', '*']);
            let halves = entry.split_once('/');
            let is_mime = halves.is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('/'));
            let is_valid = entry.len() <= ACCEPT_CHARS_MAX
                && entry.bytes().all(|c| c.is_ascii_alphanumeric() || b"./*+-_".contains(&c))
                && (is_extension || is_mime && !entry.starts_with('.'));
            if !is_valid {
                return Err(member_error(
                    "accept",
                    "must hold MIME types such as image/* or application/pdf, or file extensions such as .csv",
                ));
            }
            accept.push(entry.to_ascii_lowercase());
        }
        Ok(accept)
    }
}

fn member_error(member: &str, reason: &str) -> FieldError {
    invalid(FIELD, format!("is not right: {member} {reason}"))
}

/// Checks that the choices are visible and distinct for a person. The error is the reason, without the field name.
pub(crate) fn check_choices(choices: &[String]) -> Result<(), String> {
    if choices.len() > CHOICES_MAX {
        return Err(format!("must be at most {CHOICES_MAX}"));
    }
    for (index, choice) in choices.iter().enumerate() {
        check_line(choice, LABEL_CHARS_MAX)?;
        if !is_visible(choice) {
            return Err("must not be blank".to_owned());
        }
        if choices.iter().take(index).any(|earlier| earlier == choice) {
            return Err("must differ from each other".to_owned());
        }
    }
    Ok(())
}

/// Returns `false` if the text is blank for a reader, for example if it has only zero-width characters.
fn is_visible(text: &str) -> bool {
    !one_line(text, LABEL_CHARS_MAX).is_empty()
}

fn check_line(text: &str, chars_max: usize) -> Result<(), String> {
    if text.chars().count() > chars_max {
        return Err(format!("must be at most {chars_max} characters"));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("must be one line without control characters".to_owned());
    }
    Ok(())
}
