//! Times as this door's clients write them.

use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use crate::time::Timestamp;

/// Seconds above this are milliseconds, as the published server takes them.
const SECONDS_MAX: f64 = 2e10;
/// The years 1 to 9999: other times can't be read by the clients.
const WRITABLE_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// ISO 8601 with or without a zone, a bare date, or seconds since 1970. Without a zone it is UTC.
pub fn read_time(text: &str) -> Option<Timestamp> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    // A date is no number, and `inf` and `1e9` are no times.
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return text.parse().ok().and_then(time_of_number);
    }
    let date = read_date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return stamp(date, Time::MIDNIGHT, UtcOffset::UTC);
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(place) => rest.split_at(place),
        None => (rest, "Z"),
    };
    stamp(date, read_clock(clock)?, read_zone(zone)?)
}

pub(super) fn time_of_number(number: f64) -> Option<Timestamp> {
    let ms = if number.abs() > SECONDS_MAX { number } else { number * 1000.0 };
    #[expect(clippy::cast_possible_truncation, reason = "checked to be a time that can be written")]
    let ms = (0.0..=253_402_300_799_999.0).contains(&ms).then_some(ms as i64)?;
    Some(Timestamp::from_unix_ms(ms))
}

fn stamp(date: Date, clock: Time, zone: UtcOffset) -> Option<Timestamp> {
    let nanos = PrimitiveDateTime::new(date, clock).assume_offset(zone).unix_timestamp_nanos();
    let ms = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
    WRITABLE_MS.contains(&ms).then(|| Timestamp::from_unix_ms(ms))
}

fn read_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let month = Month::try_from(u8::try_from(digits(month, 2)?).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(digits(year, 4)?).ok()?, month, u8::try_from(digits(day, 2)?).ok()?).ok()
}

fn read_clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
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
    Time::from_hms_nano(byte(hour)?, byte(minute)?, byte(digits(second, 2)?)?, nanos).ok()
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
    let part = |text| digits(text, 2).and_then(|number| i8::try_from(number).ok());
    let (hours, minutes) = (part(hours)?, part(minutes)?);
    (hours < 24 && minutes < 60).then(|| UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok())?
}

fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.parse().ok())?
}
