//! A request refused before its body arrives gets a readable response, and the connection stays usable.

use handrail_testkit::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

#[tokio::test]
async fn refused_request_keeps_connection() {
    let server = TestServer::new().await;
    let reader = server.key("reader").await;
    let keys = [server.admin.key(), reader.key(), "hr_nobodys"];
    let [admin, reader, anonymous] = keys.map(|key| format!("X-API-Key: {key}\r\n"));
    let address = server.admin.origin().trim_start_matches("http://").to_owned();
    let mut connection = BufStream::new(TcpStream::connect(&address).await.expect("it listens"));
    for (line, key, status) in [
        ("POST /api/v1/packets", &anonymous, 401),
        ("POST /api/v1/packets", &reader, 403),
        ("POST /api/v1/packets/none/claim", &admin, 400),
        ("POST /api/v1/nothing", &admin, 404),
        ("PUT /api/v1/packets", &admin, 405),
        ("POST /api/agents/route-handoff", &anonymous, 401),
        ("POST /decisions", &anonymous, 401),
        // Accepted requests work as before.
        ("POST /api/v1/packets", &admin, 400),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: 2\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("the connection is open");
        connection.flush().await.expect("the connection is open");
        // Another request gives the server time to see the head without the body.
        server.admin.without_key().get("/health").await.expect(200);
        connection.write_all(b"{}").await.expect("the connection is open");
        connection.flush().await.expect("the connection is open");
        assert_eq!(read_status(&mut connection).await, status, "{line}");
    }
    server.finish().await;
}

/// With `Expect: 100-continue` the refusal comes before the body, and the connection is closed.
#[tokio::test]
async fn expect_continue_is_refused_before_body() {
    let server = TestServer::new().await;
    let address = server.admin.origin().trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.expect("it listens");
    let head = format!(
        "POST /api/v1/packets HTTP/1.1\r\nHost: {address}\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("the connection is open");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    server.finish().await;
}

async fn read_status(connection: &mut BufStream<TcpStream>) -> u16 {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.expect("an answer comes"));
    }
    let head = String::from_utf8(head).expect("heads are text").to_lowercase();
    assert!(!head.contains("connection: close"), "{head}");
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next());
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).expect("a length")];
    connection.read_exact(&mut body).await.expect("the body comes");
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}
