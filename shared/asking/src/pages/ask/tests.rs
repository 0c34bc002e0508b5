//! What the page must be for any words the agent may send, and for each way to answer.

use serde_json::json;

use super::super::Trouble;
use super::super::samples::{HOSTILE, assert_harmless};
use super::*;

const ALL: [Choice; 3] = Choice::ALL;
const AT: Moment<'_> = Moment { text: "14 March 2026, 16:30 UTC", machine: "2026-03-14T16:30:00Z" };
const DAYS: Days<'_> = Days { now: "14 March 2026, 16:00 UTC", first: "2026-03-14", last: "2027-03-14" };
static NOTHING: Typed = Typed {
    tap: None,
    notes: String::new(),
    chosen: String::new(),
    texts: Vec::new(),
    value: String::new(),
    date: String::new(),
    time: String::new(),
    problem: None,
};

fn view(text: &str) -> AskView<'_> {
    AskView {
        action: text,
        context: text,
        amount: Some(text),
        pictures: &[],
        files: &[],
        urgency: Urgency::High,
        asked_by: text,
        approver: text,
        instead_of: None,
        requested: AT,
        deadline: AT,
        ms_left: 43 * 60_000,
        at_deadline: AtDeadline::GoesTo(text),
        asked: &ResponseType::ApproveDeny,
        days: DAYS,
        options: &ALL,
        typed: &NOTHING,
    }
}

fn asked(wire: &serde_json::Value) -> ResponseType {
    ResponseType::check(wire).unwrap()
}

/// Each type with this text wherever the agent has a say.
fn each_type(text: &str) -> Vec<ResponseType> {
    let line = text.replace('\0', "");
    vec![
        asked(&json!({"type": "choose", "label": line, "choices": [line, "b"]})),
        asked(&json!({"type": "text_input", "label": line,
            "fields": [{"name": line.chars().take(60).collect::<String>(), "label": line, "required": true, "placeholder": line}]})),
        asked(&json!({"type": "number_input", "label": line, "min": 1, "max": 50, "placeholder": line})),
        asked(&json!({"type": "confirm"})),
        asked(&json!({"type": "file_upload", "label": line, "accept": ["image/*", ".csv"]})),
        asked(&json!({"type": "schedule", "label": line})),
    ]
}

fn taps(page: &str) -> Vec<&str> {
    page.split("name=\"choice\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn labels(page: &str) -> Vec<&str> {
    page.split("<b>").skip(1).filter_map(|rest| rest.split("</b>").next()).collect()
}

#[test]
fn hostile_words_are_harmless() {
    let problem = Some(Trouble { at: Input::Form, words: HOSTILE.to_owned() });
    let typed = Typed {
        notes: HOSTILE.to_owned(),
        chosen: HOSTILE.to_owned(),
        texts: vec![HOSTILE.to_owned()],
        value: HOSTILE.to_owned(),
        date: HOSTILE.to_owned(),
        time: HOSTILE.to_owned(),
        problem,
        ..Typed::default()
    };
    for asked in each_type(HOSTILE).iter().chain([&ResponseType::ApproveDeny]) {
        let response = ask(&AskView { asked, instead_of: Some(HOSTILE), ..view(HOSTILE) });
        assert_harmless(response.body());
        assert!(response.body().contains("&lt;script&gt;"));
        assert!(response.body().contains("[U+202E]desrever[U+0000]"));
        // What a person typed goes back to that person as it is.
        let back = ask(&AskView { asked, typed: &typed, ..view("x") }).into_body();
        assert_harmless(&back.replace(['\u{202e}', '\0'], ""));
    }
}

#[test]
fn no_address_of_the_agent_can_be_followed() {
    let response = ask(&view("see https://evil.example/d/x or mailto:eve@example.com"));
    let links: Vec<&str> = response.body().split("<a ").skip(1).collect();
    assert_eq!(links.len(), 1);
    assert!(links[0].starts_with("class=\"skip\" href=\"#answer\""));
}

#[test]
fn what_was_typed_comes_back() {
    let typed = Typed {
        notes: "\n</textarea><b>\"x\"".to_owned(),
        chosen: "1".to_owned(),
        texts: vec!["\nmine".to_owned()],
        value: "51".to_owned(),
        date: "2026-03-15".to_owned(),
        time: "09:30".to_owned(),
        ..Typed::default()
    };
    let parts = [
        "value=\"1\" required checked>",
        ">\n\nmine</textarea>",
        "value=\"51\"",
        "</textarea>",
        "</textarea>",
        "value=\"2026-03-15\"",
    ];
    for (asked, part) in each_type("a").iter().zip(parts) {
        let page = ask(&AskView { asked, typed: &typed, ..view("a") }).into_body();
        assert!(page.contains(">\n\n&lt;/textarea&gt;&lt;b&gt;&quot;x&quot;</textarea>"));
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[test]
fn the_preselected_answer_comes_first_and_is_only_preselected() {
    let typed = Typed { tap: Some(Tap::Deny), ..Typed::default() };
    let page = ask(&AskView { typed: &typed, ..view("a") }).into_body();
    assert_eq!(taps(&page), ["deny", "approve", "modify"]);
    assert!(page.contains("class=\"deny first\""));
    assert!(page.contains("Nothing is decided until you tap it here."));
    assert!(page.contains("<form class=\"answer\" id=\"answer\" method=\"post\" action=\"\""));
}

#[test]
fn only_allowed_answers_have_a_button() {
    let options = [Choice::Approve, Choice::Deny];
    let typed = Typed { tap: Some(Tap::Modify), ..Typed::default() };
    let page = ask(&AskView { options: &options, typed: &typed, ..view("a") }).into_body();
    assert_eq!(taps(&page), ["approve", "deny"]);
    let words = page.split_once("<main>").unwrap().1;
    assert!(!words.contains("odify"), "no word of an answer that is not allowed");
    assert!(!page.contains("in the mail"));
}

#[test]
fn each_button_is_named_by_what_it_does() {
    let options = [Choice::Approve, Choice::Deny];
    let named = |asked: &ResponseType| {
        let page = ask(&AskView { asked, options: &options, ..view("a") }).into_body();
        (labels(&page).join(", "), taps(&page).join(", "))
    };
    let expected = [
        "Send this answer, Deny",
        "Send this answer, Deny",
        "Send this answer, Deny",
        "Confirm, Decline",
        "Send these files, Deny",
        "Approve for this time, Approve now, Deny",
    ];
    for (asked, expected) in each_type("a").iter().zip(expected) {
        assert_eq!(named(asked).0, expected);
    }
    let later = asked(&json!({"type": "schedule", "allow_immediate": false}));
    assert_eq!(named(&later), ("Approve for this time, Deny".to_owned(), "approve, deny".to_owned()));
}

#[test]
fn the_browser_looks_only_at_what_a_button_sends() {
    for asked in each_type("a").iter().filter(|asked| !asked.is_plain()) {
        let page = ask(&AskView { asked, ..view("a") }).into_body();
        let buttons: Vec<&str> = page.split("<button").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
        assert!(!buttons[0].contains("formnovalidate"), "{buttons:?}");
        assert!(buttons[1..].iter().all(|button| button.contains("formnovalidate")), "{buttons:?}");
        assert!(page.contains(" required"));
        assert_eq!(page.contains("multipart/form-data"), matches!(asked, ResponseType::FileUpload { .. }));
    }
}

#[test]
fn notes_are_required_where_modify_leads_and_the_rest_goes_without() {
    let typed = Typed { tap: Some(Tap::Modify), ..Typed::default() };
    let page = ask(&AskView { typed: &typed, ..view("a") }).into_body();
    assert!(page.contains(" required "));
    assert_eq!(page.matches("formnovalidate").count(), 2);
    let page = ask(&view("a")).into_body();
    assert!(!page.contains(" required "));
    assert!(!page.contains("formnovalidate"));
}

#[test]
fn a_problem_is_announced_and_bound_to_its_field() {
    let cases = [
        (Input::Chosen, "<fieldset role=\"radiogroup\""),
        (Input::Text(0), "<textarea id=\"text-0\""),
        (Input::Value, "<input type=\"number\""),
        (Input::Notes, "<textarea id=\"notes\""),
        (Input::Files, "<input type=\"file\""),
        (Input::Time, "<input type=\"date\""),
    ];
    for (asked, (at, tag)) in each_type("a").iter().zip(cases) {
        let problem = Some(Trouble { at, words: "Look here.".to_owned() });
        let typed = Typed { problem, ..Typed::default() };
        let response = ask(&AskView { asked, typed: &typed, ..view("a") });
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = response.into_body();
        assert!(page.contains("id=\"problem\" role=\"alert\">Look here."));
        let (_, rest) = page.split_once(tag).unwrap();
        let (attributes, _) = rest.split_once('>').unwrap();
        assert!(
            attributes.contains("aria-invalid=\"true\"") && attributes.contains("aria-describedby=\"problem"),
            "{tag}{attributes}"
        );
        let marked = if at == Input::Time { 2 } else { 1 };
        assert_eq!(page.matches("aria-invalid").count(), marked + css_marks(&page));
    }
}

/// The style sheet names the attribute too.
fn css_marks(page: &str) -> usize {
    page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap().matches("aria-invalid").count()
}

#[test]
fn pictures_are_shown_and_no_origin_but_theirs_is_allowed() {
    let picture = |host: &str| Picture {
        url: format!("https://{host}/a.png"),
        host: host.to_owned(),
        origin: format!("https://{host}"),
    };
    let pictures = [picture("b.example"), picture("a.example"), picture("b.example")];
    let response = ask(&AskView { pictures: &pictures, ..view("a") });
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("img-src data: https://a.example https://b.example;"), "{policy}");
    assert_eq!(response.body().matches("<img ").count(), 3);
    let policy =
        ask(&view("https://c.example/a.png")).headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("img-src data:;"), "{policy}");
}

#[test]
fn tells_when_and_what_then() {
    let page = ask(&view("a")).into_body();
    assert!(page.contains("<time datetime=\"2026-03-14T16:30:00Z\">14 March 2026, 16:30 UTC</time></strong>: "));
    assert!(page.contains("data-ms=\"2580000\">43 minutes left</span>"));
    assert!(page.contains("this link stops working") && page.contains("the request went to <bdi>a</bdi>"));
    let page = ask(&AskView { at_deadline: AtDeadline::Expires, instead_of: Some("first"), ..view("a") }).into_body();
    assert!(page.contains("It expires.") && page.contains("<bdi>first</bdi>, who did not answer in time"));
}
