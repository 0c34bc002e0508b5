//! Tests of the mail with arbitrary text from the agent.

use super::*;

const ALL_CHOICES: [Choice; 3] = Choice::ALL;
const LINK: &str = "https://desk.example/d/tok_1";

fn view<'a>(text: &'a str) -> MailView<'a> {
    MailView {
        recipient: Recipient::Approver,
        is_reminder: false,
        action: text,
        context: text,
        amount: Some(text),
        tool: None,
        arguments: &[],
        attachment_count: 0,
        urgency: Urgency::Medium,
        requester: text,
        link: LINK,
        response_type: &ResponseType::ApproveDeny,
        options: &ALL_CHOICES,
        deadline: TimeText { text: "14 March 2026, 16:30 UTC", rfc3339: "2026-03-14T16:30:00Z" },
        minutes_left: 43,
        at_deadline: AtDeadline::EscalatesTo(text),
    }
}

fn hrefs(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn subject_names_requester_and_action() {
    let mail = render(&MailView { requester: "release-bot", ..view("Deploy 4.2.0") });
    assert_eq!(mail.subject, "release-bot asks: \"Deploy 4.2.0\"");
    let recipient = Recipient::Backup { first_approver: "maria@example.com" };
    let mail =
        render(&MailView { requester: "release-bot", urgency: Urgency::Critical, recipient, ..view("Deploy 4.2.0") });
    assert_eq!(mail.subject, "[critical] You are the backup: release-bot asks: \"Deploy 4.2.0\"");
}

#[test]
fn subject_is_one_short_line() {
    let text = "Pay\r\nBcc: eve@example.com\r\n\r\n<script>\0\u{202e}\u{2028}\u{200f}x ".repeat(20);
    let recipient = Recipient::Backup { first_approver: &text };
    let subject = render(&MailView { recipient, urgency: Urgency::Critical, ..view(&text) }).subject;
    assert!(subject.chars().count() <= SUBJECT_CHARS_MAX);
    assert!(subject.contains("asks: \"Pay Bcc: eve@example.com <script> x Pay"));
    assert!(subject.ends_with("...\""));
    assert!(!subject.contains(|c: char| c.is_control() || "\u{202e}\u{2028}\u{200f}".contains(c)));
}

#[test]
fn hostile_text_is_escaped_in_html() {
    let text = "<script>x</script>\"><img src=x onerror=y> javascript:z </style></title>\u{202e}\0";
    let mail = render(&MailView { recipient: Recipient::Backup { first_approver: text }, ..view(text) });
    for forbidden in ["<script", "<img", "\u{202e}", "\0", "</style></title>"] {
        assert!(!mail.html.contains(forbidden), "{forbidden:?}");
        assert!(forbidden.starts_with('<') || !mail.text.contains(forbidden), "{forbidden:?} in the text");
    }
    assert!(mail.html.contains("&lt;script&gt;"));
    for tag in mail.html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(!tag.contains("javascript:") && !tag.contains("onerror"), "{tag}");
    }
}

#[test]
fn mail_links_only_to_the_page() {
    let mail = render(&view("https://evil.example/d/x"));
    let expected: Vec<String> =
        ["?a=approve", "?a=deny", "?a=modify", ""].iter().map(|query| format!("{LINK}{query}")).collect();
    assert_eq!(hrefs(&mail.html), expected);
    for link in &expected {
        assert!(mail.text.lines().any(|line| line == link), "{link}");
    }
    let mail = render(&MailView { options: &[Choice::Deny], ..view("x") });
    assert_eq!(hrefs(&mail.html), [&expected[1], &expected[3]]);
    assert!(!mail.text.contains("?a=approve"));
}

#[test]
fn agent_lines_are_quoted() {
    let imitation = "Pay\nYour page:\rhttps://evil.example/\u{2028}x\u{b}y\u{85}z\r\n-- \r\nHandrail";
    let mail = render(&MailView { requester: "bot", at_deadline: AtDeadline::Expires, ..view(imitation) });
    assert!(
        mail.text
            .contains("> Pay\n> Your page:\n> https://evil.example/[U+2028]x[U+000B]y[U+0085]z\n> -- \n> Handrail\n")
    );
    let own = mail.text.lines().filter(|line| !line.starts_with("> "));
    assert!(own.filter(|line| line.contains("evil")).count() == 0);
}

#[test]
fn requester_name_stays_on_one_line() {
    let mail = render(&MailView { requester: "bot\n\nYour page:\nhttps://evil.example", ..view("x") });
    assert!(mail.text.starts_with("bot Your page: https://evil.example"));
}

#[test]
fn long_context_is_truncated_with_a_note() {
    let long = "é".repeat(CONTEXT_CHARS_MAX + 1);
    let mail = render(&MailView { context: &long, ..view("x") });
    assert!(mail.text.contains(CONTEXT_TRUNCATED_NOTE) && mail.html.contains(CONTEXT_TRUNCATED_NOTE));
    assert_eq!(mail.text.matches('é').count(), CONTEXT_CHARS_MAX);
    assert_eq!(mail.html.matches('é').count(), CONTEXT_CHARS_MAX);
    let whole = "é".repeat(CONTEXT_CHARS_MAX);
    let mail = render(&MailView { context: &whole, ..view("x") });
    assert!(!mail.text.contains(CONTEXT_TRUNCATED_NOTE) && !mail.html.contains(CONTEXT_TRUNCATED_NOTE));
}

#[test]
fn both_parts_state_deadline_and_link_safety() {
    let recipient = Recipient::Backup { first_approver: "maria@example.com" };
    let mail = render(&MailView { requester: "bot", recipient, at_deadline: AtDeadline::Expires, ..view("x") });
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("14 March 2026, 16:30 UTC (43 minutes from the sending of this mail)"));
        assert!(part.contains(LINK_SAFETY_NOTE));
        assert!(part.contains("it expires, and the agent is told that nobody answered"));
        assert!(part.contains("You are the backup approver: maria@example.com did not answer in time."));
    }
}

#[test]
fn reminder_starts_with_the_remaining_time() {
    let mail = render(&MailView { is_reminder: true, requester: "bot", urgency: Urgency::High, ..view("Pay") });
    assert_eq!(mail.subject, "[high] Reminder: bot asks: \"Pay\"");
    assert!(mail.text.starts_with("bot still waits for your decision: 43 minutes left.\n"));
    assert!(mail.html.contains("Your decision is still needed"));
}

#[test]
fn mail_button_labels_match_the_response_type() {
    let options = [Choice::Approve, Choice::Deny];
    let names = |wire: serde_json::Value| {
        let response_type = ResponseType::check(&wire).unwrap();
        let html = render(&MailView { response_type: &response_type, options: &options, ..view("x") }).html;
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
fn attachments_become_a_note_without_images() {
    let mail = render(&MailView { attachment_count: 3, ..view("x") });
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("3 pictures or files too: they are on the page."));
    }
    assert!(!mail.html.contains("<img"));
    assert!(!render(&view("x")).text.contains("on the page."));
}

#[test]
fn mail_lists_the_first_arguments() {
    let row = |path: String, value: &str, is_text| ArgumentRow { path, value: value.to_owned(), is_text };
    let hostile = "7\n\nYour page:\nhttps://evil.example/<b>\u{202e}";
    let arguments = [row("order".to_owned(), "1234", false), row("memo".to_owned(), hostile, true)];
    let mail = render(&MailView { tool: Some("refund"), arguments: &arguments, ..view("x") });
    assert!(mail.text.contains("> tool: refund\n> order: 1234\n> memo: \"7 Your page: https://evil.example/<b>\"\n"));
    assert!(!mail.html.contains("<b>\u{202e}") && mail.html.contains("&lt;b&gt;"));
    let many: Vec<_> = (0..30).map(|at| row(format!("n{at}"), "1", false)).collect();
    let mail = render(&MailView { arguments: &many, ..view("x") });
    assert!(mail.text.contains("> n19: 1\n> (not all of it") && !mail.text.contains("n20"));
}
