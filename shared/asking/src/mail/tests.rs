//! What the mail must be for any words the agent may send.

use super::*;

const ALL: [Choice; 3] = Choice::ALL;
const LINK: &str = "https://desk.example/d/tok_1";

fn view<'a>(text: &'a str) -> MailView<'a> {
    MailView {
        turn: Turn::First,
        reminder: false,
        action: text,
        context: text,
        amount: Some(text),
        on_page: 0,
        urgency: Urgency::Medium,
        asked_by: text,
        link: LINK,
        asked: &ResponseType::ApproveDeny,
        options: &ALL,
        deadline: Moment { text: "14 March 2026, 16:30 UTC", machine: "2026-03-14T16:30:00Z" },
        minutes_left: 43,
        at_deadline: AtDeadline::GoesTo(text),
    }
}

fn hrefs(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_subject_says_what_and_by_whom() {
    let mail = compose(&MailView { asked_by: "release-bot", ..view("Deploy 4.2.0") });
    assert_eq!(mail.subject, "release-bot asks: \"Deploy 4.2.0\"");
    let turn = Turn::Backup { instead_of: "maria@example.com" };
    let mail = compose(&MailView { asked_by: "release-bot", urgency: Urgency::Critical, turn, ..view("Deploy 4.2.0") });
    assert_eq!(mail.subject, "[critical] You are the backup: release-bot asks: \"Deploy 4.2.0\"");
}

#[test]
fn the_subject_is_one_short_line() {
    let text = "Pay\r\nBcc: eve@example.com\r\n\r\n<script>\0\u{202e}\u{2028}\u{200f}x ".repeat(20);
    let turn = Turn::Backup { instead_of: &text };
    let subject = compose(&MailView { turn, urgency: Urgency::Critical, ..view(&text) }).subject;
    assert!(subject.chars().count() <= SUBJECT_MAX);
    assert!(subject.contains("asks: \"Pay Bcc: eve@example.com <script> x Pay"));
    assert!(subject.ends_with("...\""));
    assert!(!subject.contains(|c: char| c.is_control() || "\u{202e}\u{2028}\u{200f}".contains(c)));
}

#[test]
fn hostile_words_are_escaped_in_html() {
    let text = "<script>x</script>\"><img src=x onerror=y> javascript:z </style></title>\u{202e}\0";
    let mail = compose(&MailView { turn: Turn::Backup { instead_of: text }, ..view(text) });
    for never in ["<script", "<img", "\u{202e}", "\0", "</style></title>"] {
        assert!(!mail.html.contains(never), "{never:?}");
        assert!(never.starts_with('<') || !mail.text.contains(never), "{never:?} in the text");
    }
    assert!(mail.html.contains("&lt;script&gt;"));
    for tag in mail.html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(!tag.contains("javascript:") && !tag.contains("onerror"), "{tag}");
    }
}

#[test]
fn the_only_links_are_those_of_the_page() {
    let mail = compose(&view("https://evil.example/d/x"));
    let expected: Vec<String> =
        ["?a=approve", "?a=deny", "?a=modify", ""].iter().map(|query| format!("{LINK}{query}")).collect();
    assert_eq!(hrefs(&mail.html), expected);
    for link in &expected {
        assert!(mail.text.lines().any(|line| line == link), "{link}");
    }
    let mail = compose(&MailView { options: &[Choice::Deny], ..view("x") });
    assert_eq!(hrefs(&mail.html), [&expected[1], &expected[3]]);
    assert!(!mail.text.contains("?a=approve"));
}

#[test]
fn every_line_of_the_agent_is_marked() {
    let posing = "Pay\nYour page:\rhttps://evil.example/\u{2028}x\u{b}y\u{85}z\r\n-- \r\nHandrail";
    let mail = compose(&MailView { asked_by: "bot", at_deadline: AtDeadline::Expires, ..view(posing) });
    assert!(
        mail.text
            .contains("> Pay\n> Your page:\n> https://evil.example/[U+2028]x[U+000B]y[U+0085]z\n> -- \n> Handrail\n")
    );
    let own = mail.text.lines().filter(|line| !line.starts_with("> "));
    assert!(own.filter(|line| line.contains("evil")).count() == 0);
}

#[test]
fn a_name_cannot_break_out_of_its_sentence() {
    let mail = compose(&MailView { asked_by: "bot\n\nYour page:\nhttps://evil.example", ..view("x") });
    assert!(mail.text.starts_with("bot Your page: https://evil.example"));
}

#[test]
fn long_context_is_cut_and_says_so() {
    let long = "é".repeat(CONTEXT_MAX + 1);
    let mail = compose(&MailView { context: &long, ..view("x") });
    assert!(mail.text.contains(CUT) && mail.html.contains(CUT));
    assert_eq!(mail.text.matches('é').count(), CONTEXT_MAX);
    assert_eq!(mail.html.matches('é').count(), CONTEXT_MAX);
    let whole = "é".repeat(CONTEXT_MAX);
    let mail = compose(&MailView { context: &whole, ..view("x") });
    assert!(!mail.text.contains(CUT) && !mail.html.contains(CUT));
}

#[test]
fn both_parts_tell_until_when_and_that_opening_is_safe() {
    let turn = Turn::Backup { instead_of: "maria@example.com" };
    let mail = compose(&MailView { asked_by: "bot", turn, at_deadline: AtDeadline::Expires, ..view("x") });
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("14 March 2026, 16:30 UTC (43 minutes from the sending of this mail)"));
        assert!(part.contains(SAFE));
        assert!(part.contains("it expires, and the agent is told that nobody answered"));
        assert!(part.contains("You are the backup approver: maria@example.com did not answer in time."));
    }
}

#[test]
fn a_reminder_says_so_first_and_how_long_there_is() {
    let mail = compose(&MailView { reminder: true, asked_by: "bot", urgency: Urgency::High, ..view("Pay") });
    assert_eq!(mail.subject, "[high] Reminder: bot asks: \"Pay\"");
    assert!(mail.text.starts_with("bot still waits for your decision: 43 minutes left.\n"));
    assert!(mail.html.contains("Your decision is still needed"));
}

#[test]
fn buttons_are_named_by_what_is_asked() {
    let options = [Choice::Approve, Choice::Deny];
    let names = |wire: serde_json::Value| {
        let asked = ResponseType::check(&wire).unwrap();
        let html = compose(&MailView { asked: &asked, options: &options, ..view("x") }).html;
        let names = html.split("…</a>").filter_map(|part| Some(part.rsplit_once('>')?.1.to_owned()));
        names.filter(|name| name.len() < 20).collect::<Vec<_>>()
    };
    for (wire, expected) in [
        (serde_json::json!({"type": "approve_deny"}), ["Approve", "Deny"]),
        (serde_json::json!({"type": "confirm"}), ["Confirm", "Decline"]),
        (serde_json::json!({"type": "choose", "choices": ["a", "b"]}), ["Answer", "Deny"]),
        (serde_json::json!({"type": "number_input"}), ["Answer", "Deny"]),
        (serde_json::json!({"type": "file_upload"}), ["Answer", "Deny"]),
        (serde_json::json!({"type": "schedule"}), ["Answer", "Deny"]),
    ] {
        assert_eq!(names(wire.clone())[..2], expected, "{wire}");
    }
}

#[test]
fn pictures_and_files_are_a_line_that_leads_to_the_page() {
    let mail = compose(&MailView { on_page: 3, ..view("x") });
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("3 pictures or files too: they are on the page."));
    }
    assert!(!mail.html.contains("<img"));
    assert!(!compose(&view("x")).text.contains("on the page."));
}
