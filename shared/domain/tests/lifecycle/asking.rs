//! What may be asked, and what is said of the first thing that is wrong with it.

use handrail_domain::decision::{Ask, Asker, Backup, Channel, Choice, Invalid, InvalidKind, Proposal, Urgency};
use serde_json::{Number, json};

use super::support::{START, asker, email, key, proposal};

pub(crate) fn check(proposal: Proposal) -> Result<Ask, Invalid> {
    Ask::check(proposal, &asker(&[], None), START)
}

pub(crate) fn wrong(proposal: Proposal) -> (&'static str, InvalidKind) {
    let invalid = check(proposal).unwrap_err();
    assert!(!invalid.message.is_empty() && !invalid.message.ends_with('.'), "{}", invalid.message);
    (invalid.field, invalid.kind)
}

/// The proposal is refused because of this field, or it is taken.
pub(crate) fn holds(field: &'static str, good: bool, case: &str, proposal: Proposal) {
    match check(proposal) {
        Ok(_) => assert!(good, "{field} was taken: {case}"),
        Err(invalid) => {
            assert!(!good, "{field} was refused: {case}: {}", invalid.message);
            assert_eq!((invalid.field, invalid.kind), (field, InvalidKind::Value), "{case}");
        }
    }
}

fn number(text: &str) -> Number {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_action_is_one_line_that_shows_something() {
    let action = |good, text: &str| {
        let case = format!("{:?}", text.chars().take(40).collect::<String>());
        holds("action", good, &case, Proposal { action: Some(text.to_owned()), ..proposal() });
    };
    holds("action", false, "missing", Proposal { action: None, ..proposal() });
    for blank in ["", " ", "\t", "\u{a0}\u{2003}", "\u{200b}", "\u{feff} \u{2060}"] {
        action(false, blank);
    }
    for broken in
        ["a\nb", "a\r\nb", "a\rb", "a\tb", "a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{85}b", "a\u{2028}b", "a\u{2029}b"]
    {
        action(false, broken);
    }
    action(true, "x");
    action(true, "Deploy to production 🚀 👩‍💻");
    // Characters, not bytes.
    action(true, &"ä".repeat(2_000));
    action(false, &"ä".repeat(2_001));
    action(false, &"x".repeat(2_001));
}

#[test]
fn an_approver_is_one_bare_address() {
    let approver = |good, text: &str| {
        holds("approver", good, text, Proposal { approver: Some(text.to_owned()), ..proposal() });
    };
    holds("approver", false, "missing", Proposal { approver: None, ..proposal() });
    let header = "ann@example.com\r\nBcc: eve@example.com";
    for bad in ["", " ", "ann", "ann@", "@example.com", "Ann <ann@example.com>", "a@example.com,b@example.com", header]
    {
        approver(false, bad);
    }
    for space in [" ann@example.com", "ann@example.com ", "ann@example.com\n", "ann@exam ple.com"] {
        approver(false, space);
    }
    approver(true, "Ann.B+pay@sub.example.com");
    approver(false, &format!("{}@example.com", "a".repeat(65)));
}

#[test]
fn a_context_may_have_many_lines_but_nothing_hidden() {
    let context = |good, text: &str| {
        let case = format!("{:?}", text.chars().take(40).collect::<String>());
        holds("context", good, &case, Proposal { context: Some(text.to_owned()), ..proposal() });
    };
    context(true, "one\r\n\ttwo");
    context(true, &"ä".repeat(20_000));
    context(false, &"ä".repeat(20_001));
    for bad in ["a\0b", "a\u{1b}b", "a\u{7f}b", "a\u{b}b"] {
        context(false, bad);
    }
    let empty = check(Proposal { context: Some(String::new()), ..proposal() }).unwrap();
    assert_eq!(empty.context, None);
}

#[test]
fn a_timeout_is_more_than_nothing_and_at_most_thirty_days() {
    let timeout = |good, text: &str| {
        holds("timeout_minutes", good, text, Proposal { timeout_minutes: Some(number(text)), ..proposal() });
    };
    for bad in ["0", "-1", "0.0", "-0.0", "43201", "43200.1", "1e300", "-1e300", "18446744073709551615", "1e-300"] {
        timeout(false, bad);
    }
    for good in ["1", "60", "43200", "43200.0", "0.05", "0.5", "1.5", "4.32e4"] {
        timeout(true, good);
    }
}

#[test]
fn a_timeout_counts_from_now_to_the_millisecond() {
    let window = |text: &str| {
        let ask = check(Proposal { timeout_minutes: Some(number(text)), ..proposal() }).unwrap();
        ask.expires_at.ms_since(START)
    };
    assert_eq!(window("60"), 3_600_000);
    assert_eq!(window("0.05"), 3_000);
    assert_eq!(window("0.5"), 30_000);
    assert_eq!(window("1.00001"), 60_001);
    assert_eq!(window("43200"), 30 * 24 * 3_600_000);
    assert_eq!(check(proposal()).unwrap().expires_at.ms_since(START), 3_600_000);
}

#[test]
fn numbers_stay_as_they_were_written() {
    for text in ["60", "0.5", "60.0", "1", "43200", "0.05"] {
        let ask = check(Proposal { timeout_minutes: Some(number(text)), amount: Some(number(text)), ..proposal() });
        let stored = serde_json::to_value(ask.unwrap()).unwrap();
        assert_eq!(stored["timeout_minutes"].to_string(), text);
        assert_eq!(stored["amount"].to_string(), text);
    }
    assert_eq!(check(proposal()).unwrap().timeout_minutes, Number::from(60));
}

#[test]
fn options_come_in_the_order_of_the_buttons_each_once() {
    use Choice::{Approve, Deny, Modify};
    let options = |options: Option<Vec<Choice>>| check(Proposal { options, ..proposal() }).map(|ask| ask.options);
    assert_eq!(options(None), Ok(vec![Approve, Deny, Modify]));
    assert_eq!(options(Some(vec![Modify, Approve])), Ok(vec![Approve, Modify]));
    assert_eq!(options(Some(vec![Deny, Deny, Deny])), Ok(vec![Deny]));
    assert_eq!(options(Some(vec![Modify, Deny, Approve, Modify])), Ok(vec![Approve, Deny, Modify]));
    assert_eq!(options(Some(vec![])).unwrap_err().field, "options");
}

#[test]
fn an_amount_is_zero_or_more() {
    let amount = |good, text: &str| holds("amount", good, text, Proposal { amount: Some(number(text)), ..proposal() });
    for bad in ["-1", "-0.01", "-1e300", "-9223372036854775808"] {
        amount(false, bad);
    }
    for good in ["0", "0.0", "0.01", "1e300", "18446744073709551615"] {
        amount(true, good);
    }
}

#[test]
fn a_key_with_a_list_asks_only_who_is_on_it_in_whatever_case() {
    let list = [email("Ann@Example.COM"), email("bob@example.com")];
    let ask = |approver: &str| {
        let proposal = Proposal { approver: Some(approver.to_owned()), ..proposal() };
        Ask::check(proposal, &asker(&list, None), START).map(|ask| ask.approver.to_string())
    };
    assert_eq!(ask("ann@example.com"), Ok("ann@example.com".to_owned()));
    assert_eq!(ask("BOB@example.com"), Ok("BOB@example.com".to_owned()));
    let refused = ask("eve@example.com").unwrap_err();
    assert_eq!((refused.field, refused.kind), ("approver", InvalidKind::Approver));
    assert!(ask("xann@example.com").is_err() && ask("ann@example.com.evil.com").is_err());
}

#[test]
fn the_first_wrong_field_is_named_in_the_documented_order() {
    let list = [email("bob@example.com")];
    let mut proposal = Proposal {
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
        ..Proposal::default()
    };
    type Repair = fn(&mut Proposal);
    let repairs: [(&str, InvalidKind, Repair); 11] = [
        ("action", InvalidKind::Value, |p| p.action = Some("Pay".to_owned())),
        ("approver", InvalidKind::Value, |p| p.approver = Some("ann@example.com".to_owned())),
        ("context", InvalidKind::Value, |p| p.context = None),
        ("timeout_minutes", InvalidKind::Value, |p| p.timeout_minutes = None),
        ("channel", InvalidKind::Channel, |p| p.channel = None),
        ("response_type", InvalidKind::Value, |p| p.response_type = None),
        ("options", InvalidKind::Value, |p| p.options = None),
        ("context_images", InvalidKind::Value, |p| p.context_images = None),
        ("callback_url", InvalidKind::Value, |p| p.callback_url = None),
        ("amount", InvalidKind::Value, |p| p.amount = Some(number("0"))),
        ("approver", InvalidKind::Approver, |p| p.approver = Some("bob@example.com".to_owned())),
    ];
    for (field, kind, repair) in repairs {
        let invalid = Ask::check(proposal.clone(), &asker(&list, None), START).unwrap_err();
        assert_eq!((invalid.field, invalid.kind), (field, kind));
        repair(&mut proposal);
    }
    assert!(Ask::check(proposal, &asker(&list, None), START).is_ok());
}

#[test]
fn what_is_not_said_gets_its_usual_value() {
    let ask = check(proposal()).unwrap();
    assert_eq!((ask.urgency, ask.channel, ask.enforce), (Urgency::Medium, Channel::Email, false));
    assert_eq!((&ask.context, &ask.callback_url, &ask.amount, &ask.backup), (&None, &None, &None, &None));
    assert_eq!((&ask.response_type, &ask.policy, ask.reminders), (&None, &None, true));
    assert!(ask.context_images.is_empty());
    assert_eq!((ask.asked_by, ask.asked_by_name.as_str()), (key(1), "deploy agent"));
}

#[test]
fn what_is_said_is_kept() {
    let said = Proposal {
        context: Some("why\nso".to_owned()),
        urgency: Some(Urgency::Critical),
        enforce: Some(true),
        callback_url: Some("https://example.com/hook".to_owned()),
        ..proposal()
    };
    let ask = check(said).unwrap();
    assert_eq!((ask.urgency, ask.enforce, ask.context.as_deref()), (Urgency::Critical, true, Some("why\nso")));
    assert_eq!(ask.callback_url.as_deref(), Some("https://example.com/hook"));
}

#[test]
fn the_backup_gets_the_same_time_again() {
    let bob = email("bob@example.com");
    let short = Proposal { timeout_minutes: Some(number("0.5")), ..proposal() };
    let ask = Ask::check(short, &asker(&[], Some(&bob)), START).unwrap();
    assert_eq!(ask.expires_at, START.plus_ms(30_000));
    assert_eq!(ask.backup, Some(Backup { approver: bob, until: START.plus_ms(60_000), shown_as_pending: false }));
}

#[test]
fn a_key_says_whether_the_backups_time_looks_like_waiting() {
    let bob = email("bob@example.com");
    for escalation_stays_pending in [true, false] {
        let asker = Asker { escalation_stays_pending, ..asker(&[], Some(&bob)) };
        let backup = Ask::check(proposal(), &asker, START).unwrap().backup.unwrap();
        assert_eq!(backup.shown_as_pending, escalation_stays_pending);
    }
}

#[test]
fn names_read_back_and_are_those_of_the_wire() {
    for choice in Choice::ALL {
        assert_eq!(Choice::from_name(choice.name()), Some(choice));
        assert_eq!(json!(choice), choice.name());
    }
    assert_eq!(Choice::from_name("approved"), None);
    for urgency in [Urgency::Low, Urgency::Medium, Urgency::High, Urgency::Critical] {
        assert_eq!(json!(urgency), urgency.name());
    }
}
