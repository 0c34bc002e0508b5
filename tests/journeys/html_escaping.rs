//! Text of agents, apps and approvers is escaped on every page, in mails and in subjects.

use handrail_testkit::{Client, TestServer};
use serde_json::json;

const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> ' </textarea></pre></title></style> &amp; {{7*7}} \u{202e}desrever";
/// Hostile text for fields that allow several lines.
const HOSTILE_LINES: &str = "<script>alert(1)</script>\u{2028}desrever\r\n\t</pre>\n.\nBcc: eve@example.com";

/// Asserts that the text is shown and its markup is escaped.
#[track_caller]
fn assert_escaped(html: &str) {
    let html = &without_own_script(html);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{html}");
    for never in ["<script", "<img", "\u{202e}", "\u{2028}", "</textarea></pre>", "href=\"javascript:"] {
        assert!(!html.contains(never), "{never:?} is in {html}");
    }
    assert_eq!(html.matches("</title>").count(), 1);
}

/// Removes the page's own script, which stands at its end.
fn without_own_script(html: &str) -> String {
    match html.rsplit_once("<script>(() => {") {
        Some((page, own)) => format!("{page}{}", own.split_once("</script>").expect("it ends").1),
        None => html.to_owned(),
    }
}

async fn create_agent_named(server: &TestServer, name: &str) -> Client {
    server.key_with(json!({"name": name})).await
}

#[tokio::test]
async fn hostile_text_is_escaped_everywhere() {
    let mut server = TestServer::new().await;
    // Key names are shorter.
    let agent = create_agent_named(&server, "<script>alert(1)</script>\"><img src=x onerror=alert(1)>").await;
    let person = agent.without_key();
    for (choice, by_page) in [("approve", true), ("modify", true), ("deny", false)] {
        let mut body = server.decision_body();
        body["action"] = json!(HOSTILE);
        body["context"] = json!(format!("{HOSTILE}{HOSTILE_LINES}"));
        let id = agent.post("/decisions", &body).await.expect(201).id();
        let mail = server.expect_mail("ann@example.com").await;
        assert_escaped(&mail.html);
        let deceiving = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
        assert!(!mail.subject.contains(deceiving) && mail.subject.chars().count() <= 150, "{:?}", mail.subject);
        assert!(mail.text.lines().filter(|line| line.contains("desrever")).all(|line| line.starts_with("> ")));
        assert!(!mail.links.iter().any(|link| !link.starts_with(&server.running.origin)), "{:?}", mail.links);
        assert_escaped(&person.get(&mail.links[0]).await.expect(200).text);

        if by_page {
            let retyped = person.post_form(&mail.links[0], &[("choice", "perhaps"), ("notes", HOSTILE)]).await;
            let again = without_own_script(&retyped.expect(422).text);
            assert!(again.contains("&lt;/textarea&gt;") && !again.contains("<script") && !again.contains("<img"));
            person.post_form(&mail.links[0], &[("choice", choice), ("notes", HOSTILE)]).await.expect(303);
        } else {
            let answer = json!({"action": choice, "notes": HOSTILE, "resolved_by": HOSTILE, "response_data": {HOSTILE: HOSTILE}});
            let resolved = server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
            assert_eq!(
                (&resolved.json["resolved_by"], &resolved.json["response_data"]),
                (&json!(HOSTILE), &answer["response_data"])
            );
        }
        assert_escaped(&person.get(&mail.links[0]).await.expect(200).text);
        assert_escaped(&person.post_form(&mail.links[0], &[("choice", "deny")]).await.expect(409).text);
        let call = server.expect_webhook("decision.resolved").await.json();
        assert_eq!(call["decision"]["response_notes"], HOSTILE);
        let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
        assert_eq!((&seen["action"], &seen["response_notes"]), (&json!(HOSTILE), &json!(HOSTILE)));
    }
    for path in ["/local/mail", "/local/hooks"] {
        let shown = person.get(path).await.expect(200).text;
        assert!(!shown.contains("<script") && !shown.contains("<img"), "{path}");
    }
    server.finish().await;
}
