//! A body beyond the limit gets a readable 413, with or without `Content-Length`.

use std::io::{Read, Write};
use std::net::TcpStream;

use handrail_testkit::TestServer;
use http::Method;
use serde_json::{Value, json};

const LIMIT: usize = 256 * 1024;

/// Returns a decision body that is valid except for its length.
fn decision_body_of_size(bytes: usize) -> Vec<u8> {
    let mut body = json!({"action": "x", "approver": "ann@example.com"}).to_string().into_bytes();
    body.resize(bytes, b' ');
    body
}

/// Sends a chunked body without `Content-Length`, and reads the response to its end.
fn send_chunked(address: std::net::SocketAddr, key: &str, path: &str, body: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).expect("Handrail listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).expect("the head is taken");
    for chunk in body.chunks(64 * 1024) {
        connection.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).expect("a chunk is taken");
        connection.write_all(chunk).expect("a chunk is taken");
        connection.write_all(b"\r\n").expect("a chunk is taken");
    }
    connection.write_all(b"0\r\n\r\n").expect("the end is taken");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("there is an answer");
    answer
}

#[tokio::test]
async fn body_size_limit_is_exact() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    agent.send(Method::POST, "/decisions", &[], decision_body_of_size(LIMIT)).await.expect(201);
    server.expect_mail("ann@example.com").await;
    agent
        .send(Method::POST, "/decisions", &[], decision_body_of_size(LIMIT + 1))
        .await
        .expect_error(413, "VALIDATION_ERROR");
    server.finish().await;
}

#[tokio::test]
async fn ten_megabyte_body_is_refused() {
    let mut server = TestServer::new().await;
    let app = server.key("app").await;
    let (id, page) = server.create_decision(&app).await;
    for path in ["/decisions", &format!("/decisions/{id}/resolve")] {
        app.send(Method::POST, path, &[], decision_body_of_size(10_000_000))
            .await
            .expect_error(413, "VALIDATION_ERROR");
        let (address, key, sent_to) = (server.running.address, app.key().to_owned(), path.to_owned());
        let sending = move || send_chunked(address, &key, &sent_to, &decision_body_of_size(10_000_000));
        let answer = tokio::task::spawn_blocking(sending).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 413 ") && head.to_lowercase().contains("content-type: application/json"),
            "{head}"
        );
        let refused: Value = serde_json::from_str(body).unwrap();
        assert_eq!(refused["code"], "VALIDATION_ERROR");
        assert!(refused["error"].as_str().unwrap().contains("262144"));
    }
    let shown = app.without_key().post_form(&page, &[("choice", "approve"), ("notes", &"x".repeat(10_000_000))]).await;
    assert!(shown.expect(413).text.contains("That was too long"));
    assert_eq!(app.get("/decisions").await.expect(200).json["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(app.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    server.finish().await;
}
