//! JSON in the canonical form of RFC 8785 (JCS), which programs in any language can make from the same values.
//!
//! Digests that others compute again are made of this form. Digests that only this service compares use
//! [`crate::canonical`], whose text differs.

use serde_json::Value;

/// Returns the canonical text of `value`.
///
/// Every number becomes a double, so the text of an integer beyond 2^53 may be that of another integer: the caller refuses
/// such numbers first.
pub fn to_jcs(value: &Value) -> String {
    #[expect(clippy::expect_used, reason = "a JSON value has no NaN, no infinity, and no names other than texts")]
    serde_json_canonicalizer::to_string(value).expect("every JSON value has a canonical form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        to_jcs(&serde_json::from_str(text).unwrap())
    }

    /// The example of RFC 8785, sections 3.2.2 to 3.2.4.
    #[test]
    fn example_of_the_rfc_has_its_canonical_form() {
        let input = r#"{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#;
        let expected = concat!(
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(canonical(input), expected);
    }

    /// Names are sorted by UTF-16 code units: the emoji's surrogates come before U+FB33. RFC 8785, section 3.2.3.
    #[test]
    fn members_are_sorted_by_utf_16_code_units() {
        let input = r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#;
        let text = canonical(input);
        let values = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let places: Vec<_> = values.iter().map(|value| text.find(value).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
        assert!(text.starts_with(r#"{"\r":"#), "{text}");
    }

    /// The numbers of RFC 8785, appendix B.
    #[test]
    fn numbers_of_the_rfc_have_their_canonical_form() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let number = f64::from_bits(bits);
            let canonical = to_jcs(&Value::from(number));
            assert_eq!(canonical, expected);
        }
        assert_eq!(canonical("[1, 1.0, -0, 100, 1e2, -7]"), "[1,1,0,100,100,-7]");
    }
}
