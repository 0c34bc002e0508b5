//! Who is refused before their body has come reads the refusal, and asks on over the same connection.

use handrail_testkit::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_refusal_keeps_the_connection() {
    let world = World::new().await;
    let reader = world.key("reader").await;
    let keys = [world.admin.key(), reader.key(), "hr_nobodys"];
    let [admin, reader, nobody] = keys.map(|key| format!("X-API-Key: {key}\r\n"));
    let address = world.admin.origin().trim_start_matches("http://").to_owned();
    let mut connection = BufStream::new(TcpStream::connect(&address).await.expect("it listens"));
    for (line, key, status) in [
        ("POST /api/v1/packets", &nobody, 401),
        ("POST /api/v1/packets", &reader, 403),
        ("POST /api/v1/packets/none/claim", &admin, 400),
        ("POST /api/v1/nothing", &admin, 404),
        ("PUT /api/v1/packets", &admin, 405),
        ("POST /api/agents/route-handoff", &nobody, 401),
        ("POST /decisions", &nobody, 401),
        // What is taken is taken as ever.
        ("POST /api/v1/packets", &admin, 400),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: {address}\r\n{key}Content-Length: 2\r\n\r\n");
        connection.write_all(head.as_bytes()).await.expect("the connection is open");
        connection.flush().await.expect("the connection is open");
        // By the time that this is answered, the head alone was there for a while.
        world.admin.without_key().get("/health").await.expect(200);
        connection.write_all(b"{}").await.expect("the connection is open");
        connection.flush().await.expect("the connection is open");
        assert_eq!(status_of(&mut connection).await, status, "{line}");
    }
    world.end().await;
}

/// Who asks whether a body is wanted learns that it is not, and that nothing more is read.
#[tokio::test]
async fn who_asks_before_sending_is_answered_without_sending() {
    let world = World::new().await;
    let address = world.admin.origin().trim_start_matches("http://").to_owned();
    let mut connection = TcpStream::connect(&address).await.expect("it listens");
    let head = format!(
        "POST /api/v1/packets HTTP/1.1\r\nHost: {address}\r\nContent-Length: 900000\r\nExpect: 100-continue\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("the connection is open");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("the connection ends");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    world.end().await;
}

async fn status_of(connection: &mut BufStream<TcpStream>) -> u16 {
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
