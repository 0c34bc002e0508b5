//! Reads the form of an approver's page and converts it into an answer for the domain to validate.

use axum::extract::{FromRequest, Request};
use handrail_approvals::pages::{
    AMBIGUOUS_REPLY_MESSAGE, FormButton, FormError, FormField, FormValues, OWN_WORDS_VALUE, ReplyError, number_bounds,
    parse_reply,
};
use handrail_context::cx::Cx;
use handrail_domain::decision::{
    Choice, DecisionSpec, NOTES_CHARS_MAX, REPLY, ResponseType, SubmittedAnswer, TEXT_CHARS_MAX, validate_answer,
};
use handrail_domain::field_error::FieldError;
use handrail_domain::time::Timestamp;
use handrail_web::extract::Form;
use handrail_web::multipart::{FORM_OVERHEAD_BYTES_MAX, FormPart, read_parts};
use handrail_web::problem::Problem;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Number, Value, json};

use crate::uploads::{self, Upload};

/// Most digits of a fraction that an `f64` holds exactly. A longer number would silently become another one.
const NUMBER_DIGITS_MAX: usize = 15;

/// Fields of the form as the browser sends them, with the files if the decision asks for files.
#[derive(Debug, Default)]
pub(crate) struct SubmittedForm {
    fields: Vec<(String, String)>,
    files: Vec<FormPart>,
}

pub(crate) async fn read_form(cx: &Cx, spec: &DecisionSpec, request: Request) -> Result<SubmittedForm, Problem> {
    let multipart = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if !(multipart && matches!(spec.response_type, Some(ResponseType::FileUpload { .. }))) {
        let Form(fields) = Form::from_request(request, cx).await?;
        return Ok(SubmittedForm { fields, files: Vec::new() });
    }
    let bytes_max = cx.blob_store()?.request_bytes_max() + FORM_OVERHEAD_BYTES_MAX;
    let mut form = SubmittedForm::default();
    for part in read_parts(request, bytes_max).await? {
        if part.field == uploads::FILE_FIELD {
            form.files.push(part);
            continue;
        }
        let text = String::from_utf8(part.bytes.to_vec());
        let text = text.map_err(|_| Problem::invalid_request("The form is not valid UTF-8 text"))?;
        form.fields.push((part.field, text));
    }
    Ok(form)
}

/// The submitted files. Every file must be of a permitted type that the decision accepts.
pub(crate) fn submitted_files(
    spec: &DecisionSpec,
    form: &SubmittedForm,
    choice: Choice,
) -> Result<Vec<Upload>, FormError> {
    let (Some(ResponseType::FileUpload { max_files, accept, .. }), Choice::Approve) = (&spec.response_type, choice)
    else {
        return Ok(Vec::new());
    };
    let picked = uploads::non_empty(&form.files);
    if picked.is_empty() {
        return Err(form_error(FormField::Files, "Pick a file."));
    }
    if picked.len() > *max_files {
        return Err(form_error(FormField::Files, &format!("These are too many files: pick at most {max_files}.")));
    }
    let uploads = uploads::check_all_accepted(&picked, accept);
    uploads.map_err(|refusal| form_error(FormField::Files, &format!("The file {}.", refusal.message())))
}

/// The values of the form. Unknown fields are ignored, and a repeated field is an error.
pub(crate) fn form_values(spec: &DecisionSpec, form: &SubmittedForm) -> Result<FormValues, Problem> {
    let find_field = |name: &str| {
        let mut found = form.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (value, None) => Ok(value.cloned().unwrap_or_default()),
            (_, Some(_)) => Err(Problem::invalid_request("The form has a field twice")),
        }
    };
    // Browsers send the line breaks of a text area as CRLF.
    let lines = |name: &str| find_field(name).map(|text| text.replace("\r\n", "\n"));
    let text_count = match &spec.response_type {
        Some(ResponseType::TextInput { fields, .. }) => fields.len(),
        Some(ResponseType::Reply { .. }) => 1,
        _ => 0,
    };
    Ok(FormValues {
        form_button: FormButton::from_name(&find_field("choice")?),
        notes: lines("notes")?,
        chosen: find_field("chosen")?,
        texts: (0..text_count).map(|index| lines(&format!("text-{index}"))).collect::<Result<_, _>>()?,
        value: find_field("value")?,
        date: find_field("date")?,
        time: find_field("time")?,
        field_error: None,
    })
}

/// The answer in the form, without its files.
pub(crate) fn parse_answer(
    spec: &DecisionSpec,
    form_values: &FormValues,
    now: Timestamp,
) -> Result<(Choice, SubmittedAnswer), FormError> {
    let form_button =
        form_values.form_button.ok_or_else(|| form_error(FormField::WholeForm, "Please choose one of the buttons."))?;
    let choice = match form_button {
        FormButton::Approve | FormButton::ApproveNow => Choice::Approve,
        FormButton::Deny => Choice::Deny,
        FormButton::Modify => Choice::Modify,
    };
    let (mut data, mut execute_at) = (None, None);
    match (&spec.response_type, form_button) {
        (Some(ResponseType::Schedule { .. }), FormButton::Approve) => {
            execute_at = Some(parse_execution_time(form_values, now)?);
        }
        (Some(ResponseType::Schedule { .. }), _) => {}
        (_, FormButton::ApproveNow) => return Err(form_error(FormField::WholeForm, "That answer was not offered.")),
        (Some(response_type), FormButton::Approve) => data = parse_response_data(response_type, form_values)?,
        (None, _) | (Some(_), FormButton::Deny | FormButton::Modify) => {}
    }
    let answer = validate_answer(None, Some(form_values.notes.clone()), data, execute_at);
    let answer = answer.map_err(|errors| match errors.first() {
        Some(error) => field_error(spec, form_values, error),
        None => form_error(FormField::WholeForm, "The answer can't be read."),
    });
    Ok((choice, answer?))
}

fn parse_response_data(response_type: &ResponseType, form_values: &FormValues) -> Result<Option<Value>, FormError> {
    Ok(match response_type {
        ResponseType::Choose { choices, .. } => {
            let chosen = form_values.chosen.parse().ok().and_then(|at: usize| choices.get(at));
            Some(json!({"chosen": chosen}))
        }
        ResponseType::Reply { choices } => Some(json!({REPLY: read_reply(choices, form_values)?})),
        ResponseType::TextInput { fields, .. } => {
            let texts = fields.iter().zip(&form_values.texts);
            Some(Value::Object(
                texts.map(|(field, text)| (field.name.clone(), text.as_str().into())).collect::<Map<_, _>>(),
            ))
        }
        ResponseType::NumberInput { min, max, .. } => match parse_number(form_values.value.trim()) {
            ParsedNumber::Number(number) => Some(json!({"value": number})),
            ParsedNumber::TooLong => {
                let message =
                    format!("This number is too long to be stored exactly: use at most {NUMBER_DIGITS_MAX} digits.");
                return Err(form_error(FormField::Value, &message));
            }
            ParsedNumber::NotANumber => {
                return Err(form_error(FormField::Value, &number_bounds(min.as_ref(), max.as_ref())));
            }
        },
        ResponseType::ApproveDeny
        | ResponseType::Confirm
        | ResponseType::FileUpload { .. }
        | ResponseType::Schedule { .. } => None,
    })
}

fn read_reply(choices: &[String], form_values: &FormValues) -> Result<String, FormError> {
    let is_own_text = choices.is_empty() || form_values.chosen == OWN_WORDS_VALUE;
    let written = form_values.texts.first().map(String::as_str);
    parse_reply(choices, (!is_own_text).then_some(&form_values.chosen), written).map_err(|error| match error {
        ReplyError::Missing if is_own_text => form_error(FormField::Text(0), "Write your answer here."),
        ReplyError::Missing => form_error(FormField::Chosen, "Pick an answer, or write one of your own."),
        ReplyError::Ambiguous => form_error(FormField::Text(0), AMBIGUOUS_REPLY_MESSAGE),
    })
}

enum ParsedNumber {
    Number(Number),
    TooLong,
    NotANumber,
}

/// Parses a number field such as `15`, `-0.5`, `.5` or `1e3`. An integer stays an integer.
fn parse_number(text: &str) -> ParsedNumber {
    let is_number_char = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if text.is_empty() || !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(is_number_char) {
        return ParsedNumber::NotANumber;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return ParsedNumber::Number(integer.into());
    }
    let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) else { return ParsedNumber::NotANumber };
    let digits = text.split(['e', 'E']).next().unwrap_or_default().trim_start_matches(['+', '-', '0', '.']);
    if digits.chars().filter(char::is_ascii_digit).count() > NUMBER_DIGITS_MAX {
        return ParsedNumber::TooLong;
    }
    ParsedNumber::Number(number)
}

/// The picked execution time in the form that the API takes. The time must be in the future.
fn parse_execution_time(form_values: &FormValues, now: Timestamp) -> Result<String, FormError> {
    let (date, time) = (form_values.date.trim(), form_values.time.trim());
    if date.is_empty() || time.is_empty() {
        return Err(form_error(FormField::Time, "Pick a date and a time."));
    }
    // A time field leaves out seconds that are zero.
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let at = Timestamp::parse(&format!("{date}T{time}{seconds}Z"));
    let at = at.ok_or_else(|| {
        form_error(FormField::Time, "This date or time is not valid. Write them like 2026-03-14 and 16:30.")
    })?;
    if at <= now {
        return Err(form_error(FormField::Time, "This time is over. Pick a time in the future."));
    }
    Ok(at.to_string())
}

fn form_error(field: FormField, message: &str) -> FormError {
    FormError { field, message: message.to_owned() }
}

/// Converts a field error of the domain into a message for the approver, beside the form field.
pub(crate) fn field_error(spec: &DecisionSpec, form_values: &FormValues, error: &FieldError) -> FormError {
    match (error.field().as_str(), &spec.response_type) {
        ("notes", _) if form_values.notes.trim().is_empty() => {
            form_error(FormField::Notes, "Say in the notes what should be different.")
        }
        ("notes", _) => form_error(FormField::Notes, &format!("Your notes {}.", error.message)),
        (_, Some(ResponseType::Choose { .. })) => form_error(FormField::Chosen, "Pick one of the choices."),
        (_, Some(ResponseType::NumberInput { min, max, .. })) => {
            form_error(FormField::Value, &number_bounds(min.as_ref(), max.as_ref()))
        }
        (_, Some(ResponseType::TextInput { fields, .. })) => {
            let texts = || fields.iter().zip(&form_values.texts).enumerate();
            let first_invalid = |is_invalid: fn(&str) -> bool, only_required: bool| {
                texts()
                    .find(|(_, (field, text))| is_invalid(text) && (field.required || !only_required))
                    .map(|(index, _)| FormField::Text(index))
            };
            if let Some(at) = first_invalid(|text| text.trim().is_empty(), true) {
                return form_error(at, "Fill this in: the agent needs it.");
            }
            if let Some(at) = first_invalid(|text| text.chars().count() > TEXT_CHARS_MAX, false) {
                return form_error(at, &format!("This text is too long: at most {TEXT_CHARS_MAX} characters."));
            }
            if let Some(at) =
                first_invalid(|text| text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c)), false)
            {
                return form_error(at, "This text has control characters: type it again.");
            }
            form_error(FormField::WholeForm, "Your texts are too long together: shorten them.")
        }
        (_, Some(ResponseType::Reply { .. })) => {
            form_error(FormField::Text(0), &format!("Your answer {}.", error.message))
        }
        (_, Some(ResponseType::FileUpload { .. })) => {
            form_error(FormField::Files, &format!("Your answer {}.", error.message))
        }
        (_, Some(ResponseType::Schedule { .. })) => {
            form_error(FormField::Time, &format!("The time {}.", error.message))
        }
        (_, None | Some(ResponseType::ApproveDeny | ResponseType::Confirm)) => {
            form_error(FormField::WholeForm, &format!("Your answer {}.", error.message))
        }
    }
}

/// The largest form fits the form limit: notes of four bytes per character and texts of
/// [`handrail_domain::decision::RESPONSE_DATA_BYTES_MAX`], both escaped to three characters per byte.
const _: () = assert!(
    3 * (4 * NOTES_CHARS_MAX + handrail_domain::decision::RESPONSE_DATA_BYTES_MAX)
        < handrail_web::extract::FORM_BYTES_MAX
);

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed_number_text(text: &str) -> Option<String> {
        match parse_number(text) {
            ParsedNumber::Number(number) => Some(number.to_string()),
            ParsedNumber::TooLong => Some("too long".to_owned()),
            ParsedNumber::NotANumber => None,
        }
    }

    #[test]
    fn number_field_is_parsed_exactly() {
        for (text, number) in [
            ("15", "15"),
            ("+15", "15"),
            ("-0.5", "-0.5"),
            (".5", "0.5"),
            ("1e3", "1000.0"),
            ("19.99", "19.99"),
            ("9007199254740993", "9007199254740993"),
            ("99999999999999999999", "too long"),
            ("0.1234567890123456789", "too long"),
            ("0.000000000000000001", "1e-18"),
        ] {
            assert_eq!(parsed_number_text(text).as_deref(), Some(number), "{text}");
        }
        for text in ["", "abc", "inf", "NaN", "1,5", "0x10", "1e999", "--1", "1_000", "１５", "."] {
            assert_eq!(parsed_number_text(text), None, "{text}");
        }
    }
}
