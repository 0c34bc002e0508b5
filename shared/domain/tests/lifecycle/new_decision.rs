//! Validation of a new decision, which reports every invalid field in the documented order.

use handrail_domain::decision::{
    APPROVER_NOT_ALLOWED, Backup, Channel, Choice, DecisionSpec, NewDecision, Requester, UNSUPPORTED_CHANNEL, Urgency,
};
use handrail_domain::field_error::{FieldError, VALUE_ERROR};
use serde_json::{Number, json};

use super::fixtures::{START, email, key, new_decision, requester};

/// Validates the request. Returns the first error.
pub(crate) fn validate(request: NewDecision) -> Result<DecisionSpec, FieldError> {
    DecisionSpec::check(request, &requester(&[], None), START).map_err(first)
}

pub(crate) fn first(mut errors: Vec<FieldError>) -> FieldError {
    errors.remove(0)
}

pub(crate) fn field_error_of(request: NewDecision) -> (String, &'static str) {
    let invalid = validate(request).unwrap_err();
    assert!(!invalid.message.is_empty() && !invalid.message.ends_with('.'), "{}", invalid.message);
    (invalid.field(), invalid.kind)
}

/// Checks that the request is accepted if `valid`, and else refused because of `field`.
pub(crate) fn assert_field(field: &'static str, valid: bool, case: &str, request: NewDecision) {
    match validate(request) {
        Ok(_) => assert!(valid, "{field} was accepted: {case}"),
        Err(invalid) => {
            assert!(!valid, "{field} was refused: {case}: {}", invalid.message);
            assert_eq!((invalid.field().as_str(), invalid.kind), (field, VALUE_ERROR), "{case}");
        }
    }
}

fn number(text: &str) -> Number {
    serde_json::from_str(text).unwrap()
}

#[test]
fn action_is_one_visible_line() {
    let check_action = |valid, text: &str| {
        let case = format!("{:?}", text.chars().take(40).collect::<String>());
        assert_field("action", valid, &case, NewDecision { action: Some(text.to_owned()), ..new_decision() });
    };
    assert_field("action", false, "missing", NewDecision { action: None, ..new_decision() });
    for blank in ["", " ", "\t", "\u{a0}\u{2003}", "\u{200b}", "\u{feff} \u{2060}"] {
        check_action(false, blank);
    }
    for broken in
        ["a\nb", "a\r\nb", "a\rb", "a\tb", "a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"]
    {
        check_action(false, broken);
    }
    check_action(true, "x");
    check_action(true, "Deploy to production 🚀 👩‍💻");
    // The limit counts characters, not bytes.
    check_action(true, &"ä".repeat(2_000));
    check_action(false, &"ä".repeat(2_001));
    check_action(false, &"x".repeat(2_001));
}

#[test]
fn approver_is_one_plain_address() {
    let check_approver = |valid, text: &str| {
        assert_field("approver", valid, text, NewDecision { approver: Some(text.to_owned()), ..new_decision() });
    };
    assert_field("approver", false, "missing", NewDecision { approver: None, ..new_decision() });
    let header = "ann@example.com\r\nBcc: eve@example.com";
    for bad in ["", " ", "ann", "ann@", "@example.com", "Ann <ann@example.com>", "a@example.com,b@example.com", header]
    {
        check_approver(false, bad);
    }
    for space in [" ann@example.com", "ann@example.com ", "ann@example.com\n", "ann@exam ple.com"] {
        check_approver(false, space);
    }
    check_approver(true, "Ann.B+pay@sub.example.com");
    check_approver(false, &format!("{}@example.com", "a".repeat(65)));
}

#[test]
fn context_may_have_lines_but_no_control_characters() {
    let check_context = |valid, text: &str| {
        let case = format!("{:?}", text.chars().take(40).collect::<String>());
        assert_field("context", valid, &case, NewDecision { context: Some(text.to_owned()), ..new_decision() });
    };
    check_context(true, "one\r\n\ttwo");
    check_context(true, &"ä".repeat(20_000));
    check_context(false, &"ä".repeat(20_001));
    for bad in ["a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{b}b"] {
        check_context(false, bad);
    }
    let empty = validate(NewDecision { context: Some(String::new()), ..new_decision() }).unwrap();
    assert_eq!(empty.context, None);
}

#[test]
fn timeout_is_positive_and_at_most_30_days() {
    let check_timeout = |valid, text: &str| {
        assert_field(
            "timeout_minutes",
            valid,
            text,
            NewDecision { timeout_minutes: Some(number(text)), ..new_decision() },
        );
    };
    for bad in ["0", "-1", "0.0", "-0.0", "43201", "43200.1", "1e300", "-1e300", "18446744073709551615", "1e-300"] {
        check_timeout(false, bad);
    }
    for good in ["1", "60", "43200", "43200.0", "0.05", "0.5", "1.5", "4.32e4"] {
        check_timeout(true, good);
    }
}

#[test]
fn timeout_is_exact_to_millisecond() {
    let timeout_ms = |text: &str| {
        let spec = validate(NewDecision { timeout_minutes: Some(number(text)), ..new_decision() }).unwrap();
        spec.expires_at.ms_since(START)
    };
    assert_eq!(timeout_ms("60"), 3_600_000);
    assert_eq!(timeout_ms("0.05"), 3_000);
    assert_eq!(timeout_ms("0.5"), 30_000);
    assert_eq!(timeout_ms("1.00001"), 60_001);
    assert_eq!(timeout_ms("43200"), 30 * 24 * 3_600_000);
    assert_eq!(validate(new_decision()).unwrap().expires_at.ms_since(START), 3_600_000);
}

#[test]
fn numbers_keep_their_written_form() {
    for text in ["60", "0.5", "60.0", "1", "43200", "0.05"] {
        let spec =
            validate(NewDecision { timeout_minutes: Some(number(text)), amount: Some(number(text)), ..new_decision() });
        let stored = serde_json::to_value(spec.unwrap()).unwrap();
        assert_eq!(stored["timeout_minutes"].to_string(), text);
        assert_eq!(stored["amount"].to_string(), text);
    }
    assert_eq!(validate(new_decision()).unwrap().timeout_minutes, Number::from(60));
}

#[test]
fn options_are_unique_and_in_button_order() {
    use Choice::{Approve, Deny, Modify};
    let validate_options =
        |options: Option<Vec<Choice>>| validate(NewDecision { options, ..new_decision() }).map(|spec| spec.options);
    assert_eq!(validate_options(None), Ok(vec![Approve, Deny, Modify]));
    assert_eq!(validate_options(Some(vec![Modify, Approve])), Ok(vec![Approve, Modify]));
    assert_eq!(validate_options(Some(vec![Deny, Deny, Deny])), Ok(vec![Deny]));
    assert_eq!(validate_options(Some(vec![Modify, Deny, Approve, Modify])), Ok(vec![Approve, Deny, Modify]));
    assert_eq!(validate_options(Some(vec![])).unwrap_err().field(), "options");
}

#[test]
fn amount_is_not_negative() {
    let check_amount = |valid, text: &str| {
        assert_field("amount", valid, text, NewDecision { amount: Some(number(text)), ..new_decision() });
    };
    for bad in ["-1", "-0.01", "-1e300", "-9223372036854775808"] {
        check_amount(false, bad);
    }
    for good in ["0", "0.0", "0.01", "1e300", "18446744073709551615"] {
        check_amount(true, good);
    }
}

#[test]
fn key_approver_list_ignores_case() {
    let list = [email("Ann@Example.COM").into(), email("bob@example.com").into()];
    let approver_for = |approver: &str| {
        let request = NewDecision { approver: Some(approver.to_owned()), ..new_decision() };
        DecisionSpec::check(request, &requester(&list, None), START).map(|spec| spec.approver.to_string())
    };
    assert_eq!(approver_for("ann@example.com"), Ok("ann@example.com".to_owned()));
    assert_eq!(approver_for("BOB@example.com"), Ok("BOB@example.com".to_owned()));
    let refused = first(approver_for("eve@example.com").unwrap_err());
    assert_eq!((refused.field().as_str(), refused.kind), ("approver", APPROVER_NOT_ALLOWED));
    assert!(approver_for("xann@example.com").is_err() && approver_for("ann@example.com.evil.com").is_err());
}

#[test]
fn first_invalid_field_follows_documented_order() {
    let list = [email("bob@example.com").into()];
    let mut request = NewDecision {
        action: None,
        approver: Some("nobody".to_owned()),
        context: Some("\0".to_owned()),
        timeout_minutes: Some(number("0")),
        channel: Some(Channel::Slack),
        options: Some(vec![]),
        response_type: Some(json!({"type": "buttons"})),
        context_images: Some(vec!["http://localhost/".to_owned()]),
        callback_url: Some("http://localhost/".to_owned()),
        amount: Some(number("-1")),
        ..NewDecision::default()
    };
    type Repair = fn(&mut NewDecision);
    let repairs: [(&str, &str, Repair); 11] = [
        ("action", VALUE_ERROR, |p| p.action = Some("Pay".to_owned())),
        ("approver", VALUE_ERROR, |p| p.approver = Some("ann@example.com".to_owned())),
        ("context", VALUE_ERROR, |p| p.context = None),
        ("timeout_minutes", VALUE_ERROR, |p| p.timeout_minutes = None),
        ("channel", UNSUPPORTED_CHANNEL, |p| p.channel = None),
        ("response_type", VALUE_ERROR, |p| p.response_type = None),
        ("options", VALUE_ERROR, |p| p.options = None),
        ("context_images", VALUE_ERROR, |p| p.context_images = None),
        ("callback_url", VALUE_ERROR, |p| p.callback_url = None),
        ("amount", VALUE_ERROR, |p| p.amount = Some(number("0"))),
        ("approver", APPROVER_NOT_ALLOWED, |p| p.approver = Some("bob@example.com".to_owned())),
    ];
    for (field, kind, repair) in repairs {
        let errors = DecisionSpec::check(request.clone(), &requester(&list, None), START).unwrap_err();
        let reported: Vec<_> = errors.iter().map(FieldError::field).collect();
        let first = first(errors);
        assert_eq!((first.field().as_str(), first.kind), (field, kind));
        assert!(reported.iter().any(|other| other == "amount") || field == "approver", "{reported:?}");
        repair(&mut request);
    }
    assert!(DecisionSpec::check(request, &requester(&list, None), START).is_ok());
}

#[test]
fn absent_fields_get_defaults() {
    let spec = validate(new_decision()).unwrap();
    assert_eq!((spec.urgency, spec.channel, spec.enforce), (Urgency::Medium, Channel::Email, false));
    assert_eq!((&spec.context, &spec.callback_url, &spec.amount, &spec.backup), (&None, &None, &None, &None));
    assert_eq!((&spec.response_type, &spec.policy, spec.reminders), (&None, &None, true));
    assert!(spec.context_images.is_empty());
    assert_eq!((spec.asked_by, spec.asked_by_name.as_str()), (key(1), "deploy agent"));
}

#[test]
fn given_fields_are_kept() {
    let request = NewDecision {
        context: Some("why\nso".to_owned()),
        urgency: Some(Urgency::Critical),
        enforce: Some(true),
        callback_url: Some("https://example.com/hook".to_owned()),
        ..new_decision()
    };
    let spec = validate(request).unwrap();
    assert_eq!((spec.urgency, spec.enforce, spec.context.as_deref()), (Urgency::Critical, true, Some("why\nso")));
    assert_eq!(spec.callback_url.as_deref(), Some("https://example.com/hook"));
}

#[test]
fn backup_gets_the_full_timeout_again() {
    let bob = email("bob@example.com");
    let short = NewDecision { timeout_minutes: Some(number("0.5")), ..new_decision() };
    let spec = DecisionSpec::check(short, &requester(&[], Some(&bob)), START).unwrap();
    assert_eq!(spec.expires_at, START.plus_ms(30_000));
    assert_eq!(spec.backup, Some(Backup { approver: bob, until: START.plus_ms(60_000), shown_as_pending: false }));
}

#[test]
fn key_setting_shows_escalated_as_pending() {
    let bob = email("bob@example.com");
    for escalation_stays_pending in [true, false] {
        let requester = Requester { escalation_stays_pending, ..requester(&[], Some(&bob)) };
        let backup = DecisionSpec::check(new_decision(), &requester, START).unwrap().backup.unwrap();
        assert_eq!(backup.shown_as_pending, escalation_stays_pending);
    }
}

#[test]
fn enum_names_match_api_names() {
    for choice in Choice::ALL {
        assert_eq!(Choice::from_name(choice.name()), Some(choice));
        assert_eq!(json!(choice), choice.name());
    }
    assert_eq!(Choice::from_name("approved"), None);
    for urgency in [Urgency::Low, Urgency::Medium, Urgency::High, Urgency::Critical] {
        assert_eq!(json!(urgency), urgency.name());
    }
}
