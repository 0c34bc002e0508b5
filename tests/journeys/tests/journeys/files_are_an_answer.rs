//! `response_type` file_upload: the approver gives the files on the page, and the agent gets links to them.

use handrail_testkit::{Answer, Client, World};
use http::Method;
use serde_json::{Value, json};

const PDF: &[u8] = b"%PDF-1.7\nthe signed contract";

/// A file's name and its bytes.
type Picked<'a> = (&'a str, &'a [u8]);

/// As a browser sends the page's form.
async fn send(person: &Client, page: &str, fields: &[(&str, &str)], files: &[Picked<'_>]) -> Answer {
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

async fn asked(world: &mut World, agent: &Client) -> (String, String) {
    let mut ask = world.ask();
    ask["response_type"] = json!({"type": "file_upload", "label": "The signed <contract>", "max_files": 2,
        "accept": ["application/pdf", ".csv"]});
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    (id, world.expect_mail("ann@example.com").await.links[0].clone())
}

const SEND: (&str, &str) = ("choice", "approve");

#[tokio::test]
async fn files_are_an_answer() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = asked(&mut world, &agent).await;
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    for part in ["multipart/form-data", "type=\"file\"", "accept=\"application/pdf, .csv\"", "&lt;contract&gt;"] {
        assert!(shown.contains(part), "{part}");
    }
    let files: [Picked<'_>; 2] = [("contract \u{202e}fdp.pdf", PDF), ("<b>.csv", b"a,b\n1,2\n")];
    for _ in 0..2 {
        send(&person, &page, &[SEND, ("notes", "Here.")], &files).await.expect(303);
    }
    let call = world.expect_webhook("decision.resolved").await.json();
    assert_eq!(
        (&call["decision"]["status"], &call["decision"]["response_notes"]),
        (&json!("approved"), &json!("Here."))
    );
    let uploaded = call["decision"]["response_data"]["uploaded_files"].as_array().unwrap().clone();
    let told: Vec<_> = uploaded.iter().map(|file| (&file["type"], &file["size"])).collect();
    assert_eq!(told, [(&json!("application/pdf"), &json!(PDF.len())), (&json!("text/csv"), &json!(8))]);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!(seen["response_data"], call["decision"]["response_data"]);
    // Without a key, as whoever was told of it opens it.
    let file = person.get(uploaded[0]["url"].as_str().unwrap()).await.expect(200);
    assert_eq!((file.text.as_bytes(), file.header("x-content-type-options")), (PDF, "nosniff"));
    assert!(file.header("content-disposition").starts_with("attachment"));

    let outcome = person.get(&page).await.expect(200).text;
    assert!(outcome.contains("&lt;b&gt;.csv") && outcome.contains("PDF, 28 bytes"), "{outcome}");
    assert!(!outcome.contains('\u{202e}'));
    let (_, link) = outcome.split_once("href=\"../files/").unwrap();
    let link = link.split('"').next().unwrap();
    assert_eq!(person.get(&format!("/files/{link}")).await.expect(200).text.as_bytes(), PDF);
    world.end().await;
}

#[tokio::test]
async fn what_is_no_such_file_is_asked_again_and_nothing_is_kept() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = asked(&mut world, &agent).await;
    let person = agent.without_key();
    let one: Picked<'_> = ("a.csv", b"a\n");
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let cases: [(&[Picked<'_>], &str); 7] = [
        (&[], "Pick a file."),
        (&[("", b"")], "Pick a file."),
        (&[one, one, one], "at most 2 are asked for"),
        (&[("a.png", b"\x89PNG\r\n\x1a\n")], "is not what was asked for"),
        (&[("a.exe", b"MZ")], "is not of a kind that is taken"),
        (&[("a.pdf", b"MZ\x90")], "program"),
        (&[("a.csv", &large)], "larger than 10 MB"),
    ];
    for (files, why) in cases {
        let again = send(&person, &page, &[SEND, ("notes", "keep me")], files).await.expect(422).text;
        assert!(again.contains("role=\"alert\"") && again.contains("keep me</textarea>"), "{why}");
        assert!(again.contains(why) && again.contains("Pick them again"), "{why}: {again}");
    }
    // Without script and files the plain form arrives: a no needs none.
    let plain = person.post_form(&page, &[SEND]).await.expect(422).text;
    assert!(plain.contains("Pick a file."));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    send(&person, &page, &[("choice", "deny")], &[("", b"")]).await.expect(303);
    let call = world.expect_webhook("decision.resolved").await.json();
    assert_eq!((&call["decision"]["status"], &call["decision"]["response_data"]), (&json!("denied"), &Value::Null));
    send(&person, &page, &[SEND], &[one]).await.expect(409);
    world.end().await;
}

#[tokio::test]
async fn files_of_the_agent_are_on_the_page_to_judge_by() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = asked(&mut world, &agent).await;
    let path = format!("/decisions/{id}/attachments");
    send(&agent, &path, &[], &[("offer \u{202e}fdp.pdf", PDF)]).await.expect(201);
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    assert!(shown.contains("File from the agent") && !shown.contains('\u{202e}'), "{shown}");
    let (_, link) = shown.split_once("href=\"../files/").unwrap();
    let file = person.get(&format!("/files/{}", link.split('"').next().unwrap())).await.expect(200);
    assert_eq!(file.text.as_bytes(), PDF);
    world.end().await;
}
