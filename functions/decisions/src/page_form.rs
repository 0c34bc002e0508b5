//! The form of an approver's page: read, and turned into an answer that the domain can judge.

use axum::extract::{FromRequest, Request};
use handrail_domain::decision::{
    Ask, Choice, Given, Invalid, NOTES_CHARS_MAX, REPLY, ResponseType, TEXT_CHARS_MAX, check_given,
};
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::extract::Form;
use handrail_kernel::multipart::{AROUND_FILES_BYTES_MAX, Part, parts};
use handrail_kernel::problem::Problem;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Number, Value, json};

use crate::pages::{BOTH, Input, OWN, Tap, Trouble, Typed, Unclear, bounds, reply};
use crate::uploads::{self, Upload};

/// What a form can be read into without losing a digit: beyond this a number would silently become another one.
const DIGITS_MAX: usize = 15;

/// Fields by name, as a browser sends them, and the files where it was asked for some.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    fields: Vec<(String, String)>,
    files: Vec<Part>,
}

pub(crate) async fn read(cx: &Cx, ask: &Ask, request: Request) -> Result<Sent, Problem> {
    let multipart = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if !(multipart && matches!(ask.response_type, Some(ResponseType::FileUpload { .. }))) {
        let Form(fields) = Form::from_request(request, cx).await?;
        return Ok(Sent { fields, files: Vec::new() });
    }
    let bytes_max = cx.blobs()?.request_bytes_max() + AROUND_FILES_BYTES_MAX;
    let mut sent = Sent::default();
    for part in parts(request, bytes_max).await? {
        if part.field == uploads::FIELD {
            sent.files.push(part);
            continue;
        }
        let text = String::from_utf8(part.bytes.to_vec());
        let text = text.map_err(|_| Problem::Invalid { field: None, message: "The form holds no text".to_owned() })?;
        sent.fields.push((part.field, text));
    }
    Ok(sent)
}

/// The picked files, each of a kind that may be kept and that was asked for.
pub(crate) fn files(ask: &Ask, sent: &Sent, choice: Choice) -> Result<Vec<Upload>, Trouble> {
    let (Some(ResponseType::FileUpload { max_files, accept, .. }), Choice::Approve) = (&ask.response_type, choice)
    else {
        return Ok(Vec::new());
    };
    let picked = uploads::picked(&sent.files);
    if picked.is_empty() {
        return Err(trouble(Input::Files, "Pick a file."));
    }
    if picked.len() > *max_files {
        return Err(trouble(Input::Files, &format!("Those are too many files: at most {max_files} are asked for.")));
    }
    let wanted = uploads::wanted(&picked, accept);
    wanted.map_err(|refusal| trouble(Input::Files, &format!("The file {}.", refusal.message())))
}

/// Fields that the page does not have are nobody's business; one that comes twice is no form of ours.
pub(crate) fn typed(ask: &Ask, sent: &Sent) -> Result<Typed, Problem> {
    let field = |name: &str| {
        let mut found = sent.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
        match (found.next(), found.next()) {
            (value, None) => Ok(value.cloned().unwrap_or_default()),
            (_, Some(_)) => Err(Problem::Invalid { field: None, message: "The form holds a field twice".to_owned() }),
        }
    };
    // Browsers send the line breaks of a text area as CRLF.
    let lines = |name: &str| field(name).map(|text| text.replace("\r\n", "\n"));
    let texts = match &ask.response_type {
        Some(ResponseType::TextInput { fields, .. }) => fields.len(),
        Some(ResponseType::Reply { .. }) => 1,
        _ => 0,
    };
    Ok(Typed {
        tap: Tap::from_name(&field("choice")?),
        notes: lines("notes")?,
        chosen: field("chosen")?,
        texts: (0..texts).map(|at| lines(&format!("text-{at}"))).collect::<Result<_, _>>()?,
        value: field("value")?,
        date: field("date")?,
        time: field("time")?,
        problem: None,
    })
}

/// The answer that the form gives, without its files.
pub(crate) fn given(ask: &Ask, typed: &Typed, now: Timestamp) -> Result<(Choice, Given), Trouble> {
    let tap = typed.tap.ok_or_else(|| trouble(Input::Form, "Please choose one of the buttons."))?;
    let choice = match tap {
        Tap::Approve | Tap::Now => Choice::Approve,
        Tap::Deny => Choice::Deny,
        Tap::Modify => Choice::Modify,
    };
    let (mut data, mut execute_at) = (None, None);
    match (&ask.response_type, tap) {
        (Some(ResponseType::Schedule { .. }), Tap::Approve) => execute_at = Some(time_of(typed, now)?),
        (Some(ResponseType::Schedule { .. }), _) => {}
        (_, Tap::Now) => return Err(trouble(Input::Form, "That answer was not offered.")),
        (Some(asked), Tap::Approve) => data = data_of(asked, typed)?,
        (None, _) | (Some(_), Tap::Deny | Tap::Modify) => {}
    }
    let given = check_given(None, Some(typed.notes.clone()), data, execute_at);
    Ok((choice, given.map_err(|invalid| not_fitting(ask, typed, &invalid))?))
}

fn data_of(asked: &ResponseType, typed: &Typed) -> Result<Option<Value>, Trouble> {
    Ok(match asked {
        ResponseType::Choose { choices, .. } => {
            let chosen = typed.chosen.parse().ok().and_then(|at: usize| choices.get(at));
            Some(json!({"chosen": chosen}))
        }
        ResponseType::Reply { choices } => Some(json!({REPLY: replied(choices, typed)?})),
        ResponseType::TextInput { fields, .. } => {
            let texts = fields.iter().zip(&typed.texts);
            Some(Value::Object(
                texts.map(|(field, text)| (field.name.clone(), text.as_str().into())).collect::<Map<_, _>>(),
            ))
        }
        ResponseType::NumberInput { min, max, .. } => match number(typed.value.trim()) {
            Written::Number(number) => Some(json!({"value": number})),
            Written::TooLong => {
                let words =
                    format!("A number may have {DIGITS_MAX} digits here: a longer one would not be kept exactly.");
                return Err(trouble(Input::Value, &words));
            }
            Written::NoNumber => return Err(trouble(Input::Value, &bounds(min.as_ref(), max.as_ref()))),
        },
        ResponseType::ApproveDeny
        | ResponseType::Confirm
        | ResponseType::FileUpload { .. }
        | ResponseType::Schedule { .. } => None,
    })
}

fn replied(choices: &[String], typed: &Typed) -> Result<String, Trouble> {
    let own = choices.is_empty() || typed.chosen == OWN;
    let written = typed.texts.first().map(String::as_str);
    reply(choices, (!own).then_some(&typed.chosen), written).map_err(|unclear| match unclear {
        Unclear::Nothing if own => trouble(Input::Text(0), "Write your answer here."),
        Unclear::Nothing => trouble(Input::Chosen, "Pick an answer, or write one of your own."),
        Unclear::Both => trouble(Input::Text(0), BOTH),
    })
}

enum Written {
    Number(Number),
    TooLong,
    NoNumber,
}

/// As a number field of a form is written: `15`, `-0.5`, `.5`, `1e3`. A whole one stays whole.
fn number(text: &str) -> Written {
    let form = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if text.is_empty() || !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(form) {
        return Written::NoNumber;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Written::Number(whole.into());
    }
    let Some(number) = text.parse::<f64>().ok().and_then(Number::from_f64) else { return Written::NoNumber };
    let digits = text.split(['e', 'E']).next().unwrap_or_default().trim_start_matches(['+', '-', '0', '.']);
    if digits.chars().filter(char::is_ascii_digit).count() > DIGITS_MAX {
        return Written::TooLong;
    }
    Written::Number(number)
}

/// The picked time, written out. Who taps "for this time" means a time that is still to come.
fn time_of(typed: &Typed, now: Timestamp) -> Result<String, Trouble> {
    let (date, time) = (typed.date.trim(), typed.time.trim());
    if date.is_empty() || time.is_empty() {
        return Err(trouble(Input::Time, "Pick a date and a time."));
    }
    // A time field leaves out seconds that are zero.
    let seconds = if time.len() == 5 { ":00" } else { "" };
    let at = Timestamp::parse(&format!("{date}T{time}{seconds}Z"));
    let at =
        at.ok_or_else(|| trouble(Input::Time, "That is no date and time. Write them like 2026-03-14 and 16:30."))?;
    if at <= now {
        return Err(trouble(Input::Time, "That time is over already. Pick one that is still to come."));
    }
    Ok(at.to_string())
}

fn trouble(at: Input, words: &str) -> Trouble {
    Trouble { at, words: words.to_owned() }
}

/// What the domain says is wrong, in words for a person, at the field where it is.
pub(crate) fn not_fitting(ask: &Ask, typed: &Typed, invalid: &Invalid) -> Trouble {
    match (invalid.field, &ask.response_type) {
        ("notes", _) if typed.notes.trim().is_empty() => {
            trouble(Input::Notes, "Say in the notes what should be different.")
        }
        ("notes", _) => trouble(Input::Notes, &format!("Your notes {}.", invalid.message)),
        (_, Some(ResponseType::Choose { .. })) => trouble(Input::Chosen, "Pick one of the choices."),
        (_, Some(ResponseType::NumberInput { min, max, .. })) => {
            trouble(Input::Value, &bounds(min.as_ref(), max.as_ref()))
        }
        (_, Some(ResponseType::TextInput { fields, .. })) => {
            let texts = || fields.iter().zip(&typed.texts).enumerate();
            let at = |wrong: fn(&str) -> bool, needed: bool| {
                texts()
                    .find(|(_, (field, text))| wrong(text) && (field.required || !needed))
                    .map(|(at, _)| Input::Text(at))
            };
            if let Some(at) = at(|text| text.trim().is_empty(), true) {
                return trouble(at, "Fill this in: the agent needs it.");
            }
            if let Some(at) = at(|text| text.chars().count() > TEXT_CHARS_MAX, false) {
                return trouble(at, &format!("This text is too long: at most {TEXT_CHARS_MAX} characters."));
            }
            if let Some(at) = at(|text| text.contains(|c: char| c.is_control() && !"\n\r\t".contains(c)), false) {
                return trouble(at, "This text holds control characters: type it anew.");
            }
            trouble(Input::Form, "Your texts are too long together: shorten them.")
        }
        (_, Some(ResponseType::Reply { .. })) => trouble(Input::Text(0), &format!("Your answer {}.", invalid.message)),
        (_, Some(ResponseType::FileUpload { .. })) => {
            trouble(Input::Files, &format!("Your answer {}.", invalid.message))
        }
        (_, Some(ResponseType::Schedule { .. })) => trouble(Input::Time, &format!("The time {}.", invalid.message)),
        (_, None | Some(ResponseType::ApproveDeny | ResponseType::Confirm)) => {
            trouble(Input::Form, &format!("Your answer {}.", invalid.message))
        }
    }
}

/// Of a whole form, escaped: notes of four bytes each, texts of [`handrail_domain::decision::RESPONSE_DATA_BYTES_MAX`],
/// three characters for a byte.
const _: () = assert!(
    3 * (4 * NOTES_CHARS_MAX + handrail_domain::decision::RESPONSE_DATA_BYTES_MAX)
        < handrail_kernel::extract::FORM_BYTES_MAX
);

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Option<String> {
        match number(text) {
            Written::Number(number) => Some(number.to_string()),
            Written::TooLong => Some("too long".to_owned()),
            Written::NoNumber => None,
        }
    }

    #[test]
    fn a_number_is_what_was_typed_and_nothing_near_it() {
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
            assert_eq!(written(text).as_deref(), Some(number), "{text}");
        }
        for text in ["", "abc", "inf", "NaN", "1,5", "0x10", "1e999", "--1", "1_000", "１５", "."] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
