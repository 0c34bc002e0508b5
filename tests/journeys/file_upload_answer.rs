//! Response type `file_upload`: the approver uploads files on the page, and the agent gets links to them.

use handrail_testkit::{Client, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7\nthe signed contract";

/// File name and bytes.
type UploadedFile<'a> = (&'a str, &'a [u8]);

/// Submits the page's form as a browser does.
async fn submit_form_with_files(
    person: &Client,
    page: &str,
    fields: &[(&str, &str)],
    files: &[UploadedFile<'_>],
) -> TestResponse {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    for (name, bytes) in files {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    person.send(Method::POST, page, &[("content-type", "multipart/form-data; boundary=x")], body).await
}

async fn create_file_upload_decision(server: &mut TestServer, agent: &Client) -> (String, String) {
    let mut ask = server.decision_body();
    ask["response_type"] = json!({"type": "file_upload", "label": "The signed <contract>", "max_files": 2,
        "accept": ["application/pdf", ".csv"]});
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    (id, server.expect_mail("ann@example.com").await.links[0].clone())
}

const APPROVE_FIELD: (&str, &str) = ("choice", "approve");

#[tokio::test]
async fn uploaded_files_answer_decision() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = create_file_upload_decision(&mut server, &agent).await;
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    for part in ["multipart/form-data", "type=\"file\"", "accept=\"application/pdf, .csv\"", "&lt;contract&gt;"] {
        assert!(shown.contains(part), "{part}");
    }
    let files: [UploadedFile<'_>; 2] = [("contract \u{202e}fdp.pdf", PDF), ("<b>.csv", b"a,b\n1,2\n")];
    for _ in 0..2 {
        submit_form_with_files(&person, &page, &[APPROVE_FIELD, ("notes", "Here.")], &files).await.expect(303);
    }
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(
        (&call["decision"]["status"], &call["decision"]["response_notes"]),
        (&json!("approved"), &json!("Here."))
    );
    let uploaded = call["decision"]["response_data"]["uploaded_files"].as_array().unwrap().clone();
    let types_and_sizes: Vec<_> = uploaded.iter().map(|file| (&file["type"], &file["size"])).collect();
    assert_eq!(types_and_sizes, [(&json!("application/pdf"), &json!(PDF.len())), (&json!("text/csv"), &json!(8))]);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!(seen["response_data"], call["decision"]["response_data"]);
    // The link works without a key.
    let file = person.get(uploaded[0]["url"].as_str().unwrap()).await.expect(200);
    assert_eq!((file.text.as_bytes(), file.header("x-content-type-options")), (PDF, "nosniff"));
    assert!(file.header("content-disposition").starts_with("attachment"));

    let outcome = person.get(&page).await.expect(200).text;
    assert!(outcome.contains("&lt;b&gt;.csv") && outcome.contains("PDF, 28 bytes"), "{outcome}");
    assert!(!outcome.contains('\u{202e}'));
    let (_, link) = outcome.split_once("href=\"../files/").unwrap();
    let link = link.split('"').next().unwrap();
    assert_eq!(person.get(&format!("/files/{link}")).await.expect(200).text.as_bytes(), PDF);
    server.finish().await;
}

#[tokio::test]
async fn invalid_upload_is_refused_and_not_retained() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = create_file_upload_decision(&mut server, &agent).await;
    let person = agent.without_key();
    let one: UploadedFile<'_> = ("a.csv", b"a\n");
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let cases: [(&[UploadedFile<'_>], &str); 7] = [
        (&[], "Pick a file."),
        (&[("", b"")], "Pick a file."),
        (&[one, one, one], "pick at most 2"),
        (&[("a.png", b"\x89PNG\r\n\x1a\n")], "has a type that this decision does not accept"),
        (&[("a.exe", b"MZ")], "has a type that is not accepted"),
        (&[("a.pdf", b"MZ\x90")], "program"),
        (&[("a.csv", &large)], "larger than 10 MB"),
    ];
    for (files, why) in cases {
        let again = submit_form_with_files(&person, &page, &[APPROVE_FIELD, ("notes", "keep me")], files)
            .await
            .expect(422)
            .text;
        assert!(again.contains("role=\"alert\"") && again.contains("keep me</textarea>"), "{why}");
        assert!(again.contains(why) && again.contains("Pick them again"), "{why}: {again}");
    }
    // The plain form of a browser without script: an approval needs files, a denial does not.
    let plain = person.post_form(&page, &[APPROVE_FIELD]).await.expect(422).text;
    assert!(plain.contains("Pick a file."));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    submit_form_with_files(&person, &page, &[("choice", "deny")], &[("", b"")]).await.expect(303);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!((&call["decision"]["status"], &call["decision"]["response_data"]), (&json!("denied"), &Value::Null));
    submit_form_with_files(&person, &page, &[APPROVE_FIELD], &[one]).await.expect(409);
    server.finish().await;
}

#[tokio::test]
async fn approval_page_lists_agent_files() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = create_file_upload_decision(&mut server, &agent).await;
    let path = format!("/decisions/{id}/attachments");
    submit_form_with_files(&agent, &path, &[], &[("offer \u{202e}fdp.pdf", PDF)]).await.expect(201);
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    assert!(shown.contains("File from the agent") && !shown.contains('\u{202e}'), "{shown}");
    let (_, link) = shown.split_once("href=\"../files/").unwrap();
    let file = person.get(&format!("/files/{}", link.split('"').next().unwrap())).await.expect(200);
    assert_eq!(file.text.as_bytes(), PDF);
    server.finish().await;
}
