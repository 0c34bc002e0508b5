use std::io::Write;
use std::net::TcpListener;

use super::server::{respond_with, serve};
use super::*;

#[tokio::test]
async fn request_has_exact_bytes() {
    let server = respond_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let out = OutboundRequest {
        url: format!("http://{}/a%20b/c?d=e#f", server.address),
        headers: vec![
            ("Webhook-Id".to_owned(), "evt_1".to_owned()),
            ("x-twice".to_owned(), "1".to_owned()),
            ("x-twice".to_owned(), "2".to_owned()),
        ],
        body: Bytes::from_static(br#"{"a":1}"#),
    };

    let outcome = loopback_sender(LONG_LIMITS).post(&out).await;

    assert_eq!(status_and_body(outcome), (200, "ok".to_owned()));
    let port = server.address.port();
    let (request, ()) = server.finish().await;
    let expected = format!(
        "POST /a%20b/c?d=e HTTP/1.1\r\n\
         host: 127.0.0.1:{port}\r\n\
         content-type: application/json\r\n\
         content-length: 7\r\n\
         user-agent: Handrail/{}\r\n\
         connection: close\r\n\
         webhook-id: evt_1\r\n\
         x-twice: 1\r\n\
         x-twice: 2\r\n\
         \r\n\
         {{\"a\":1}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(request, expected);
}

#[tokio::test]
async fn document_is_read_by_get() {
    let server = respond_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let url = format!("http://{}/keys.json", server.address);
    let CallOutcome::Responded { status, body, .. } = loopback_sender(LONG_LIMITS).get_and_read(&url).await else {
        panic!("no response");
    };
    assert_eq!((status, &body[..]), (200, &b"ok"[..]));
    let request = server.finish().await.0;
    assert!(request.starts_with("GET /keys.json HTTP/1.1\r\n") && !request.contains("content-"), "{request}");
    let refused = Sender::new(AddressPolicy::PublicOnly, LONG_LIMITS).get_and_read(&url).await;
    assert!(matches!(refused, CallOutcome::Refused { .. }), "addresses are checked");
}

#[tokio::test]
async fn empty_body_has_content_length() {
    let server = respond_with("HTTP/1.1 200 OK\r\n\r\n");
    let out = OutboundRequest { body: Bytes::new(), ..request_to(server.url()) };
    assert_eq!(status_and_body(loopback_sender(LONG_LIMITS).post(&out).await).0, 200);
    assert!(server.finish().await.0.contains("\r\ncontent-length: 0\r\n"));
}

#[tokio::test]
async fn responses_of_any_status_are_reported() {
    for (response, status, body) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", 202, ""),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, "abc"),
        ("HTTP/1.1 410 Gone\r\ncontent-length: 4\r\n\r\ngone", 410, "gone"),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 3\r\n\r\na\0b", 500, "a\u{fffd}b"),
        // Broken off after the status.
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", 200, "half"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 200, ""),
    ] {
        let server = respond_with(response);
        let outcome = loopback_sender(LONG_LIMITS).post(&request_to(server.url())).await;
        assert_eq!(status_and_body(outcome), (status, body.to_owned()), "{response:?}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    target.set_nonblocking(true).unwrap();
    let location = target.local_addr().unwrap();
    for status in [301, 302, 303, 307, 308] {
        let server = respond_with(format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: http://{location}/\r\ncontent-length: 0\r\n\r\n"
        ));
        let outcome = loopback_sender(LONG_LIMITS).post(&request_to(server.url())).await;
        assert_eq!(status_and_body(outcome), (status, String::new()));
    }
    assert_eq!(target.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn non_http_response_is_a_failure() {
    for response in [
        "",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "220 mail.example.com ESMTP\r\n",
        "<html>no head</html>",
        "HTTP/1.1",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    ] {
        let server = respond_with(response);
        let reason = failure_reason(loopback_sender(LONG_LIMITS).post(&request_to(server.url())).await);
        assert!(reason.starts_with("no HTTP response: "), "{response:?}: {reason}");
    }
}

#[tokio::test]
async fn large_response_body_is_truncated() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let piece = [b'a'; 4096];
        std::iter::repeat_with(|| stream.write_all(&piece)).take_while(Result::is_ok).count() * piece.len()
    });
    let outcome = loopback_sender(LONG_LIMITS).post(&request_to(server.url())).await;
    assert_eq!(status_and_body(outcome), (200, "a".repeat(1024)));
    // More than `max_body_read`, because the socket buffers fill before the sender stops reading.
    let (_, written) = server.finish().await;
    assert!(written < 64 * 1024 * 1024, "{written}");
}

#[tokio::test]
async fn large_response_head_is_a_failure() {
    let server = serve(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").unwrap();
        while stream.write_all(&[b'a'; 4096]).is_ok() {}
    });
    let reason = failure_reason(loopback_sender(LONG_LIMITS).post(&request_to(server.url())).await);
    assert!(reason.starts_with("no HTTP response: "), "{reason}");
    server.finish().await;
}

#[tokio::test]
async fn closed_port_is_a_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reason = failure_reason(loopback_sender(LONG_LIMITS).post(&request_to(format!("http://{closed}/"))).await);
    assert!(reason.starts_with(&format!("connecting to {closed}: ")), "{reason}");
}

#[tokio::test]
async fn next_address_is_tried_after_connection_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = respond_with("HTTP/1.1 204 No Content\r\n\r\n");
    let (dns_lookup, _) = fake_dns(vec![vec![closed, server.address]]);
    let sender = Sender { dns_lookup, ..loopback_sender(LONG_LIMITS) };
    assert_eq!(status_and_body(sender.post(&request_to("http://hook.example.com/")).await).0, 204);
}
