//! Parser for the time formats that clients send.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::time::Timestamp;

/// Largest number read as seconds. Larger numbers are read as milliseconds, like in the published server.
const SECONDS_MAX: f64 = 2e10;
/// Years 1 to 9999. Clients can't read times outside of them.
const SUPPORTED_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Parses an ISO 8601 time, a date, or a number of seconds since 1970. The default time zone is UTC.
pub fn read_time(text: &str) -> Option<Timestamp> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    // Only plain decimals are read as seconds: `f64` would also parse `inf` and `1e9`.
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return text.parse().ok().and_then(time_from_number);
    }
    let date = read_date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return to_timestamp(date, Time::MIDNIGHT, UtcOffset::UTC);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(position) => rest.split_at(position),
        None => (rest, "Z"),
    };
    to_timestamp(date, read_clock(clock)?, read_zone(zone)?)
}

/// Parses a time of a query string. A client that does not escape the plus sign of an offset sends a space.
pub fn read_query_time(text: &str) -> Option<Timestamp> {
    read_time(text).or_else(|| read_time(&text.replace(' ', "+")))
}

pub(crate) fn time_from_number(number: f64) -> Option<Timestamp> {
    let ms = if number.abs() > SECONDS_MAX { number } else { number * 1000.0 };
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a time that can be written")]
    let ms = (0.0..=253_402_300_799_999.0).contains(&ms).then_some(ms as i64)?;
    Some(Timestamp::from_unix_ms(ms))
}

fn to_timestamp(date: Date, clock: Time, zone: UtcOffset) -> Option<Timestamp> {
    let nanos = PrimitiveDateTime::new(date, clock).assume_offset(zone).unix_timestamp_nanos();
    let ms = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
    SUPPORTED_MS.contains(&ms).then(|| Timestamp::from_unix_ms(ms))
}

fn read_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let month = Month::try_from(u8::try_from(parse_digits(month, 2)?).ok()?).ok()?;
    Date::from_calendar_date(
        i32::try_from(parse_digits(year, 4)?).ok()?,
        month,
        u8::try_from(parse_digits(day, 2)?).ok()?,
    )
    .ok()
}

fn read_clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (parse_digits(parts.next()?, 2)?, parse_digits(parts.next()?, 2)?);
    let (second, fraction) = match parts.next() {
        None => ("00", ""),
        Some(seconds) => match seconds.split_once('.') {
            None => (seconds, ""),
            Some((_, "")) => return None,
            Some((second, fraction)) => (second, fraction),
        },
    };
    if parts.next().is_some() || fraction.len() > 9 || !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let byte = |number: u32| u8::try_from(number).ok();
    Time::from_hms_nano(byte(hour)?, byte(minute)?, byte(parse_digits(second, 2)?)?, nanos).ok()
}

fn read_zone(text: &str) -> Option<UtcOffset> {
    if matches!(text, "Z" | "z") {
        return Some(UtcOffset::UTC);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None => rest.split_at_checked(2)?,
    };
    let part = |text| parse_digits(text, 2).and_then(|number| i8::try_from(number).ok());
    let (hours, minutes) = (part(hours)?, part(minutes)?);
    (hours < 24 && minutes < 60).then(|| UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok())?
}

fn parse_digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok())?
}
