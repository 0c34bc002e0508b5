//! Durations, counts and names as readable text.

use handrail_web::pages::visible_text;
use maud::{Markup, html};

/// Returns a duration such as `43 minutes`, `1 hour 30 minutes` or `3 days`. From three days on, hours are omitted.
#[must_use]
pub fn duration(minutes: i64) -> String {
    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;
    let unit = |n: i64, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let (large, small) = match minutes {
        ..1 => return "less than a minute".to_owned(),
        1..HOUR => return unit(minutes, "minute"),
        HOUR..DAY => (unit(minutes / HOUR, "hour"), (minutes % HOUR, "minute")),
        DAY.. => (unit(minutes / DAY, "day"), (minutes % DAY / HOUR, "hour")),
    };
    if small.0 == 0 || minutes >= 3 * DAY {
        return large;
    }
    format!("{large} {}", unit(small.0, small.1))
}

/// Returns a count with its noun, such as `1 line` or `12,480 characters`.
pub(super) fn count(n: usize, noun: &str) -> String {
    let digits = n.to_string();
    let mut number = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            number.push(',');
        }
        number.push(digit);
    }
    format!("{number} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Returns a name from outside, isolated so that right-to-left text cannot reorder the sentence around it.
pub(super) fn isolated_name(text: &str) -> Markup {
    html! { bdi { (visible_text(text)) } }
}

#[cfg(test)]
mod tests {
    use super::{count, duration};

    #[test]
    fn durations_are_readable() {
        for (minutes, text) in [
            (-5, "less than a minute"),
            (0, "less than a minute"),
            (1, "1 minute"),
            (43, "43 minutes"),
            (60, "1 hour"),
            (90, "1 hour 30 minutes"),
            (121, "2 hours 1 minute"),
            (1440, "1 day"),
            (1439, "23 hours 59 minutes"),
            (1500, "1 day 1 hour"),
            (7200, "5 days"),
            (7290, "5 days"),
        ] {
            assert_eq!(duration(minutes), text);
        }
    }

    #[test]
    fn counts_are_readable() {
        assert_eq!(count(1, "line"), "1 line");
        assert_eq!(count(999, "line"), "999 lines");
        assert_eq!(count(12_480, "character"), "12,480 characters");
        assert_eq!(count(1_234_567, "character"), "1,234,567 characters");
    }
}
