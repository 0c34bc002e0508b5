//! Points in time in UTC, with millisecond precision.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime};

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Time in milliseconds since 1970, with the text `2026-01-31T09:30:00.000Z`. The fraction has three digits because the
/// parser of a published client refuses nine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const PUBLISHED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const READABLE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute] UTC");
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

impl Timestamp {
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms)
    }

    pub const fn as_unix_ms(self) -> i64 {
        self.0
    }

    pub const fn as_unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds since `earlier`, negative if `earlier` is later.
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Start of the next month in UTC.
    pub fn next_month(self) -> Self {
        let next = OffsetDateTime::from_unix_timestamp(self.as_unix_seconds()).ok().and_then(|at| {
            let (year, month) = match at.month() {
                Month::December => (at.year() + 1, Month::January),
                month => (at.year(), month.next()),
            };
            Date::from_calendar_date(year, month, 1).ok().map(|day| day.midnight().assume_utc().unix_timestamp())
        });
        // Times beyond the years of the calendar have no next month.
        next.map_or(Self(i64::MAX), |seconds| Self(seconds.saturating_mul(1000)))
    }

    /// Parses an RFC 3339 time and cuts its fraction to milliseconds.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
        i64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }

    /// Text for people, such as `31 Jan 2026, 09:30 UTC`.
    pub fn readable(self) -> String {
        self.formatted(READABLE)
    }

    /// Date for a form field, such as `2026-01-31`.
    pub fn date(self) -> String {
        self.formatted(DATE)
    }

    fn formatted(self, format: &[BorrowedFormatItem<'_>]) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|at| at.format(format).ok())
            // No clock returns a time beyond the calendar, but a stored record must stay readable.
            .unwrap_or_else(|| format!("{}ms", self.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.formatted(PUBLISHED))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

impl schemars::JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_has_three_fraction_digits_and_parses_back() {
        let at = Timestamp::from_unix_ms(1_769_851_800_007);
        assert_eq!(at.to_string(), "2026-01-31T09:30:00.007Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(at.readable(), "31 Jan 2026, 09:30 UTC");
        assert_eq!(at.date(), "2026-01-31");
        assert_eq!(Timestamp::parse("2026-01-31T10:30:00.007+01:00"), Some(at));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn time_beyond_calendar_displays_as_milliseconds() {
        assert_eq!(Timestamp::from_unix_ms(i64::MAX).to_string(), format!("{}ms", i64::MAX));
        assert_eq!(Timestamp::from_unix_ms(i64::MIN).readable(), format!("{}ms", i64::MIN));
    }

    #[test]
    fn arithmetic_saturates() {
        let (first, last) = (Timestamp::from_unix_ms(i64::MIN), Timestamp::from_unix_ms(i64::MAX));
        assert_eq!((last.plus_ms(1), first.plus_ms(-1)), (last, first));
        assert_eq!((last.ms_since(first), first.ms_since(last)), (i64::MAX, i64::MIN));
        assert_eq!(Timestamp::from_unix_ms(-1).as_unix_seconds(), -1);
        assert_eq!(Timestamp::from_unix_ms(1_999).as_unix_seconds(), 1);
    }

    #[test]
    fn next_month_starts_on_its_first_day() {
        for (at, next) in [
            ("2026-01-31T23:59:59.999Z", "2026-02-01T00:00:00.000Z"),
            ("2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"),
            ("2026-12-15T12:00:00.000Z", "2027-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::parse(at).unwrap().next_month().to_string(), next);
        }
        let last = Timestamp::from_unix_ms(i64::MAX);
        assert_eq!((last.next_month(), Timestamp::parse("9999-12-31T00:00:00Z").unwrap().next_month()), (last, last));
    }

    #[test]
    fn incomplete_times_are_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T09:30:00",
            "2026-02-30T09:30:00Z",
            "2026-01-31T24:00:00Z",
            "1769851800",
            "5ms",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
            assert!(serde_json::from_str::<Timestamp>(&format!("{text:?}")).is_err(), "{text}");
        }
        let with_micros = Timestamp::parse("2026-01-31T09:30:00.007999Z");
        assert_eq!(with_micros, Some(Timestamp::from_unix_ms(1_769_851_800_007)), "cut, not rounded");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        /// Covers the years from 1970 to 9999.
        #[test]
        fn any_time_parses_back(ms in 0..253_402_300_800_000_i64) {
            let at = Timestamp::from_unix_ms(ms);
            let text = at.to_string();
            prop_assert_eq!((text.len(), text.is_ascii()), (24, true));
            prop_assert_eq!(Timestamp::parse(&text), Some(at));
            prop_assert_eq!(serde_json::from_value::<Timestamp>(serde_json::json!(at)).unwrap(), at);
        }

        #[test]
        fn texts_sort_like_times(a in 0..253_402_300_800_000_i64, b in 0..253_402_300_800_000_i64) {
            let (a, b) = (Timestamp::from_unix_ms(a), Timestamp::from_unix_ms(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn parser_accepts_or_refuses_any_text(text in prop_oneof![
            any::<String>(),
            "[0-9]{4}-[0-1][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})?",
        ]) {
            if let Some(at) = Timestamp::parse(&text) {
                prop_assert!(!at.to_string().is_empty() && !at.readable().is_empty());
            }
        }

        #[test]
        fn any_number_displays(ms in any::<i64>()) {
            let at = Timestamp::from_unix_ms(ms);
            prop_assert!(!at.to_string().is_empty() && !at.readable().is_empty());
        }
    }
}
