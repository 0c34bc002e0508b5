//! Tests of the page with arbitrary text from the agent and with each response type.

use serde_json::json;

use super::super::FormError;
use super::super::hostile_input::{HOSTILE_TEXT, assert_harmless};
use super::*;

const ALL_CHOICES: [Choice; 3] = Choice::ALL;
const AT: TimeText<'_> = TimeText { text: "14 March 2026, 16:30 UTC", rfc3339: "2026-03-14T16:30:00Z" };
const DATE_RANGE: DateRange<'_> =
    DateRange { now: "14 March 2026, 16:00 UTC", first: "2026-03-14", last: "2027-03-14" };
static EMPTY_FORM: FormValues = FormValues {
    form_button: None,
    notes: String::new(),
    chosen: String::new(),
    texts: Vec::new(),
    value: String::new(),
    date: String::new(),
    time: String::new(),
    field_error: None,
};

fn view(text: &str) -> RequestPageView<'_> {
    RequestPageView {
        action: text,
        context: text,
        amount: Some(text),
        tool: None,
        arguments: &[],
        pictures: &[],
        files: &[],
        urgency: Urgency::High,
        requester: text,
        approver: text,
        first_approver: None,
        requested_at: AT,
        deadline: AT,
        ms_left: 43 * 60_000,
        at_deadline: AtDeadline::EscalatesTo(text),
        response_type: &ResponseType::ApproveDeny,
        date_range: DATE_RANGE,
        options: &ALL_CHOICES,
        form_values: &EMPTY_FORM,
    }
}

fn response_type(wire: &serde_json::Value) -> ResponseType {
    ResponseType::check(wire).unwrap()
}

/// Returns each response type with `text` in all fields that the agent sets.
fn each_response_type(text: &str) -> Vec<ResponseType> {
    let line = text.replace('\0', "");
    vec![
        response_type(&json!({"type": "choose", "label": line, "choices": [line, "b"]})),
        response_type(&json!({"type": "text_input", "label": line,
            "fields": [{"name": line.chars().take(60).collect::<String>(), "label": line, "required": true, "placeholder": line}]})),
        response_type(&json!({"type": "number_input", "label": line, "min": 1, "max": 50, "placeholder": line})),
        response_type(&json!({"type": "confirm"})),
        response_type(&json!({"type": "file_upload", "label": line, "accept": ["image/*", ".csv"]})),
        response_type(&json!({"type": "schedule", "label": line})),
    ]
}

#[test]
fn hostile_arguments_are_only_text() {
    let row = |path: &str, is_text| ArgumentRow { path: path.to_owned(), value: HOSTILE_TEXT.to_owned(), is_text };
    let arguments = [row(HOSTILE_TEXT, true), row("amount", false)];
    let page = request_page(&RequestPageView { tool: Some("refund"), arguments: &arguments, ..view("x") }).into_body();
    assert_harmless(&page);
    assert!(page.contains("refund") && page.contains("amount"));
}

fn button_values(page: &str) -> Vec<&str> {
    page.split("name=\"choice\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn button_labels(page: &str) -> Vec<&str> {
    page.split("<b>").skip(1).filter_map(|rest| rest.split("</b>").next()).collect()
}

#[test]
fn hostile_text_is_escaped() {
    let error = Some(FormError { field: FormField::WholeForm, message: HOSTILE_TEXT.to_owned() });
    let form_values = FormValues {
        notes: HOSTILE_TEXT.to_owned(),
        chosen: HOSTILE_TEXT.to_owned(),
        texts: vec![HOSTILE_TEXT.to_owned()],
        value: HOSTILE_TEXT.to_owned(),
        date: HOSTILE_TEXT.to_owned(),
        time: HOSTILE_TEXT.to_owned(),
        field_error: error,
        ..FormValues::default()
    };
    for response_type in each_response_type(HOSTILE_TEXT).iter().chain([&ResponseType::ApproveDeny]) {
        let response =
            request_page(&RequestPageView { response_type, first_approver: Some(HOSTILE_TEXT), ..view(HOSTILE_TEXT) });
        assert_harmless(response.body());
        assert!(response.body().contains("&lt;script&gt;"));
        assert!(response.body().contains("[U+202E]desrever[U+0000]"));
        // The person's own text is shown to that person unchanged.
        let rejected =
            request_page(&RequestPageView { response_type, form_values: &form_values, ..view("x") }).into_body();
        assert_harmless(&rejected.replace(['\u{202e}', '\0'], ""));
    }
}

#[test]
fn agent_urls_are_not_links() {
    let response = request_page(&view("see https://evil.example/d/x or mailto:eve@example.com"));
    let links: Vec<&str> = response.body().split("<a ").skip(1).collect();
    assert_eq!(links.len(), 1);
    assert!(links[0].starts_with("class=\"skip\" href=\"#answer\""));
}

#[test]
fn rejected_form_keeps_the_submitted_values() {
    let form_values = FormValues {
        notes: "\n</textarea><b>\"x\"".to_owned(),
        chosen: "1".to_owned(),
        texts: vec!["\nmine".to_owned()],
        value: "51".to_owned(),
        date: "2026-03-15".to_owned(),
        time: "09:30".to_owned(),
        ..FormValues::default()
    };
    let parts = [
        "value=\"1\" required checked>",
        ">\n\nmine</textarea>",
        "value=\"51\"",
        "</textarea>",
        "</textarea>",
        "value=\"2026-03-15\"",
    ];
    for (response_type, part) in each_response_type("a").iter().zip(parts) {
        let page = request_page(&RequestPageView { response_type, form_values: &form_values, ..view("a") }).into_body();
        assert!(page.contains(">\n\n&lt;/textarea&gt;&lt;b&gt;&quot;x&quot;</textarea>"));
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[test]
fn preselected_button_comes_first_without_answering() {
    let form_values = FormValues { form_button: Some(FormButton::Deny), ..FormValues::default() };
    let page = request_page(&RequestPageView { form_values: &form_values, ..view("a") }).into_body();
    assert_eq!(button_values(&page), ["deny", "approve", "modify"]);
    assert!(page.contains("class=\"deny first\""));
    assert!(page.contains("Nothing is decided until you tap it here."));
    assert!(page.contains("<form class=\"answer\" id=\"answer\" method=\"post\" action=\"\""));
}

#[test]
fn only_allowed_answers_have_a_button() {
    let options = [Choice::Approve, Choice::Deny];
    let form_values = FormValues { form_button: Some(FormButton::Modify), ..FormValues::default() };
    let page = request_page(&RequestPageView { options: &options, form_values: &form_values, ..view("a") }).into_body();
    assert_eq!(button_values(&page), ["approve", "deny"]);
    let main = page.split_once("<main>").unwrap().1;
    assert!(!main.contains("odify"), "the page mentions an answer that is not allowed");
    assert!(!page.contains("in the mail"));
}

#[test]
fn page_button_labels_match_the_response_type() {
    let options = [Choice::Approve, Choice::Deny];
    let labels_and_values = |response_type: &ResponseType| {
        let page = request_page(&RequestPageView { response_type, options: &options, ..view("a") }).into_body();
        (button_labels(&page).join(", "), button_values(&page).join(", "))
    };
    let expected = [
        "Send this answer, Deny",
        "Send this answer, Deny",
        "Send this answer, Deny",
        "Confirm, Decline",
        "Send these files, Deny",
        "Approve for this time, Approve now, Deny",
    ];
    for (response_type, expected) in each_response_type("a").iter().zip(expected) {
        assert_eq!(labels_and_values(response_type).0, expected);
    }
    let schedule_without_now = response_type(&json!({"type": "schedule", "allow_immediate": false}));
    assert_eq!(
        labels_and_values(&schedule_without_now),
        ("Approve for this time, Deny".to_owned(), "approve, deny".to_owned())
    );
}

#[test]
fn only_the_answer_button_validates_the_form() {
    for response_type in each_response_type("a").iter().filter(|response_type| !response_type.is_plain()) {
        let page = request_page(&RequestPageView { response_type, ..view("a") }).into_body();
        let buttons: Vec<&str> = page.split("<button").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
        assert!(!buttons[0].contains("formnovalidate"), "{buttons:?}");
        assert!(buttons[1..].iter().all(|button| button.contains("formnovalidate")), "{buttons:?}");
        assert!(page.contains(" required"));
        assert_eq!(page.contains("multipart/form-data"), matches!(response_type, ResponseType::FileUpload { .. }));
    }
}

#[test]
fn notes_are_required_only_for_modify() {
    let form_values = FormValues { form_button: Some(FormButton::Modify), ..FormValues::default() };
    let page = request_page(&RequestPageView { form_values: &form_values, ..view("a") }).into_body();
    assert!(page.contains(" required "));
    assert_eq!(page.matches("formnovalidate").count(), 2);
    let page = request_page(&view("a")).into_body();
    assert!(!page.contains(" required "));
    assert!(!page.contains("formnovalidate"));
}

#[test]
fn form_error_is_linked_to_its_field() {
    let cases = [
        (FormField::Chosen, "<fieldset role=\"radiogroup\""),
        (FormField::Text(0), "<textarea id=\"text-0\""),
        (FormField::Value, "<input type=\"number\""),
        (FormField::Notes, "<textarea id=\"notes\""),
        (FormField::Files, "<input type=\"file\""),
        (FormField::Time, "<input type=\"date\""),
    ];
    for (response_type, (field, tag)) in each_response_type("a").iter().zip(cases) {
        let error = Some(FormError { field, message: "Look here.".to_owned() });
        let form_values = FormValues { field_error: error, ..FormValues::default() };
        let response = request_page(&RequestPageView { response_type, form_values: &form_values, ..view("a") });
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let page = response.into_body();
        assert!(page.contains("id=\"problem\" role=\"alert\">Look here."));
        let (_, rest) = page.split_once(tag).unwrap();
        let (attributes, _) = rest.split_once('>').unwrap();
        assert!(
            attributes.contains("aria-invalid=\"true\"") && attributes.contains("aria-describedby=\"problem"),
            "{tag}{attributes}"
        );
        let invalid_inputs = if field == FormField::Time { 2 } else { 1 };
        assert_eq!(page.matches("aria-invalid").count(), invalid_inputs + css_mentions(&page));
    }
}

/// Counts the attribute's name in the style sheet.
fn css_mentions(page: &str) -> usize {
    page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap().matches("aria-invalid").count()
}

#[test]
fn csp_allows_only_the_pictures_origins() {
    let picture = |host: &str| Picture {
        url: format!("https://{host}/a.png"),
        host: host.to_owned(),
        origin: format!("https://{host}"),
    };
    let pictures = [picture("b.example"), picture("a.example"), picture("b.example")];
    let response = request_page(&RequestPageView { pictures: &pictures, ..view("a") });
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("img-src data: https://a.example https://b.example;"), "{policy}");
    assert_eq!(response.body().matches("<img ").count(), 3);
    let policy = request_page(&view("https://c.example/a.png")).headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.contains("img-src data:;"), "{policy}");
}

#[test]
fn request_page_shows_deadline_and_its_consequence() {
    let page = request_page(&view("a")).into_body();
    assert!(page.contains("<time datetime=\"2026-03-14T16:30:00Z\">14 March 2026, 16:30 UTC</time></strong>: "));
    assert!(page.contains("data-ms=\"2580000\">43 minutes left</span>"));
    assert!(page.contains("this link stops working") && page.contains("the request went to <bdi>a</bdi>"));
    let page =
        request_page(&RequestPageView { at_deadline: AtDeadline::Expires, first_approver: Some("first"), ..view("a") })
            .into_body();
    assert!(page.contains("It expires.") && page.contains("<bdi>first</bdi>, who did not answer in time"));
}
