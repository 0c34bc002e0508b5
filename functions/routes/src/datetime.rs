//! Parses datetimes of the routes API. The error texts are published.

use handrail_domain::body_reader::BodyReader;
use handrail_domain::read_time::read_time;
use handrail_domain::time::Timestamp;
use serde_json::Value;

/// Reads a datetime. Returns `None` after recording a field error.
pub(crate) fn read_datetime(reader: &mut BodyReader, value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return reader.error_of(value, "Input should be a valid datetime", "datetime_type"),
    };
    if let Some(at) = read_time(&text) {
        return Some(at);
    }
    let reason = parse_error(&text);
    let msg = format!("Input should be a valid datetime or date, {reason}");
    reader.error_with_reason(value, msg, "datetime_from_date_parsing", reason)
}

fn parse_error(text: &str) -> &'static str {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let between = |range: std::ops::Range<usize>, min: u8, max: u8| {
        let number = bytes.get(range).and_then(|part| std::str::from_utf8(part).ok()?.parse::<u8>().ok());
        number.is_some_and(|number| (min..=max).contains(&number))
    };
    if bytes.len() < 10 {
        "input is too short"
    } else if !digits(0..4) {
        "invalid character in year"
    } else if bytes[4] != b'-' || bytes[7] != b'-' {
        "invalid date separator, expected `-`"
    } else if !digits(5..7) {
        "invalid character in month"
    } else if !between(5..7, 1, 12) {
        "month value is outside expected range of 1-12"
    } else if !digits(8..10) {
        "invalid character in day"
    } else if read_time(text.get(..10).unwrap_or_default()).is_none() {
        "day value is outside expected range"
    } else if !matches!(bytes.get(10), Some(b'T' | b't' | b' ' | b'_')) {
        "invalid datetime separator, expected `T`, `t`, `_` or space"
    } else if !digits(11..13) {
        "invalid character in hour"
    } else if !between(11..13, 0, 23) {
        "hour value is outside expected range of 0-23"
    } else if bytes.get(13) != Some(&b':') {
        "invalid time separator, expected `:`"
    } else if !digits(14..16) {
        "invalid character in minute"
    } else if !between(14..16, 0, 59) {
        "minute value is outside expected range of 0-59"
    } else {
        "unexpected extra characters at the end of the input"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_invalid_datetime_has_its_reason() {
        for (text, reason) in [
            ("yesterday", "input is too short"),
            ("not-a-date", "invalid character in year"),
            ("2026/01/01", "invalid date separator, expected `-`"),
            ("2026-13-01", "month value is outside expected range of 1-12"),
            ("2026-02-30", "day value is outside expected range"),
            ("2026-02-03X10:00", "invalid datetime separator, expected `T`, `t`, `_` or space"),
            ("2026-02-03T25:00", "hour value is outside expected range of 0-23"),
            ("2026-02-03T10:61", "minute value is outside expected range of 0-59"),
            ("2026-02-03T10:00:00Zulu", "unexpected extra characters at the end of the input"),
            ("ääääääääääääää", "invalid character in year"),
        ] {
            assert_eq!(read_time(text), None);
            assert_eq!(parse_error(text), reason, "{text}");
        }
    }
}
