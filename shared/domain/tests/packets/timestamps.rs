//! Parsing of timestamps in the formats that clients send.

use handrail_domain::read_time::read_time;
use handrail_domain::time::Timestamp;
use proptest::prelude::*;

#[test]
fn every_published_timestamp_format_is_parsed() {
    let at = Timestamp::parse("2026-01-31T09:30:00.000Z").unwrap();
    for text in [
        "2026-01-31T09:30:00Z",
        "2026-01-31T09:30:00.000000Z",
        "2026-01-31T09:30:00.000000+00:00",
        "2026-01-31T09:30:00",
        "2026-01-31t09:30z",
        "2026-01-31 09:30",
        "2026-01-31T10:30:00+01:00",
        "2026-01-31T04:00:00-0530",
        "1769851800",
        "1769851800.0",
        "1769851800000",
    ] {
        assert_eq!(read_time(text), Some(at), "{text}");
    }
    assert_eq!(read_time("2026-01-31"), Timestamp::parse("2026-01-31T00:00:00Z"));
    assert_eq!(read_time("2026-01-31T09:30:00.007999"), Some(at.plus_ms(7)), "cut, not rounded");
    assert_eq!(read_time("0"), Some(Timestamp::from_unix_ms(0)));
}

#[test]
fn unportable_timestamps_are_refused() {
    for text in [
        "",
        "now",
        "inf",
        "NaN",
        "1e9",
        "-5",
        "+5",
        ".",
        "2026-1-31",
        "2026-13-01",
        "2026-02-30",
        "0000-01-01",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-01-31T",
        "2026-01-31T9:30",
        "2026-01-31T24:00",
        "2026-01-31T09:30:00.",
        "2026-01-31T09:30:00.0000000001",
        "2026-01-31T09:30:00:00",
        "2026-01-31T09:30+01",
        "2026-01-31T09:30+24:00",
        "2026-01-31T09:30+01:60",
        "2026-01-31T09:30 Z",
        "2026-01-31_09:30",
        "2026-01-31T09:30:00Zulu",
        "٢٠٢٦-01-31",
        "99999999999999999999",
    ] {
        assert_eq!(read_time(text), None, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn written_timestamp_parses_to_same_value(ms in -62_135_596_800_000..=253_402_300_799_999_i64) {
        let at = Timestamp::from_unix_ms(ms);
        prop_assert_eq!(read_time(&at.to_string()), Some(at));
    }

    #[test]
    fn any_text_is_writable_timestamp_or_refused(text in prop_oneof![
        any::<String>(),
        "[0-9.]{0,22}",
        "[0-9]{4}-[0-1][0-9]-[0-3][0-9]([Tt _][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\\.[0-9]{0,10})?)?([Zz]|[+-][0-9]{2}:?[0-9]{0,2})?)?",
    ]) {
        if let Some(at) = read_time(&text) {
            prop_assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        }
    }

    #[test]
    fn both_timestamp_parsers_agree(ms in 0..253_402_300_799_999_i64, hours in -23..=23_i32) {
        let sign = if hours < 0 { '-' } else { '+' };
        let text = Timestamp::from_unix_ms(ms).to_string().replace('Z', &format!("{sign}{:02}:00", hours.abs()));
        prop_assert!(read_time(&text).is_none_or(|at| Timestamp::parse(&text) == Some(at)));
    }
}
