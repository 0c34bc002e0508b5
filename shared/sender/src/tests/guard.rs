use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::server::answering;
use super::*;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
const PRIVATE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80);
const PUBLIC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), 80);

/// A port on this machine on which nobody may knock.
struct Alarm(TcpListener);

impl Alarm {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn assert_silent(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn a_public_name_that_leads_to_this_machine_is_refused() {
    let alarm = Alarm::new();
    let address = alarm.address();
    let (lookup, asked) = dns(vec![vec![address]]);
    let sender = Sender { lookup, ..Sender::new(Reach::PublicOnly, AMPLE) };

    let url = format!("http://hook.example.com:{}/", address.port());
    let why = refusal(sender.post(&to(url)).await);

    assert!(why.starts_with("hook.example.com has an address that is not public"), "{why}");
    assert!(!why.contains("127.0.0.1"), "{why}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    alarm.assert_silent();
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let alarm = Alarm::new();
    let (lookup, asked) = dns(vec![vec![server.address], vec![alarm.address()]]);
    let sender = Sender { lookup, ..local(AMPLE) };

    let sent = sender.post(&to("http://hook.example.com/")).await;

    assert_eq!(status_and_body(sent).0, 200);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    alarm.assert_silent();
    let (request, ()) = server.finish().await;
    assert!(request.contains("\r\nhost: hook.example.com\r\n"), "{request}");
}

#[tokio::test]
async fn one_bad_address_refuses_the_name() {
    for (reach, answer) in [
        (Reach::PublicOnly, &[PUBLIC, PRIVATE]),
        (Reach::PublicOnly, &[LOOPBACK, PUBLIC]),
        (Reach::LoopbackToo, &[LOOPBACK, PRIVATE]),
    ] {
        let (lookup, _) = dns(vec![answer.to_vec()]);
        let sender = Sender { lookup, ..Sender::new(reach, AMPLE) };
        refusal(sender.post(&to("http://hook.example.com/")).await);
    }
}

#[tokio::test]
async fn a_url_is_checked_again_and_refused_before_any_lookup() {
    for url in [
        "http://localhost/",
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://user@example.com/",
        "ftp://example.com/",
        "not a url",
        "",
    ] {
        let (lookup, asked) = dns(vec![vec![]]);
        let sender = Sender { lookup, ..Sender::new(Reach::PublicOnly, AMPLE) };
        refusal(sender.post(&to(url)).await);
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{url}");
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_found_is_a_failure() {
    let (lookup, _) = dns(vec![vec![]]);
    let sender = Sender { lookup, ..local(AMPLE) };
    let why = failure(sender.post(&to("http://hook.example.com/")).await);
    assert_eq!(why, "looking up hook.example.com: it has no address");

    let lookup: Lookup = Arc::new(|_, _| Box::pin(async { Err(std::io::Error::other("no DNS")) }));
    let sender = Sender { lookup, ..local(AMPLE) };
    let why = failure(sender.post(&to("http://hook.example.com/")).await);
    assert_eq!(why, "looking up hook.example.com: no DNS");
}

#[tokio::test]
async fn the_system_resolver_knows_this_machine() {
    let server = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let url = format!("http://localhost:{}/", server.address.port());
    assert_eq!(status_and_body(local(AMPLE).post(&to(url)).await).0, 200);
}

#[tokio::test]
async fn a_bad_header_is_refused_without_repeating_its_value() {
    for (name, value) in [
        ("", "v"),
        ("a b", "v"),
        ("a:b", "v"),
        ("a\r\nb", "v"),
        ("x-secret", "s3cret\r\nx: y"),
        ("x-secret", "s3cret\n"),
        ("x-secret", "s3cret\0"),
        ("x-secret", "s3cretü"),
        ("Host", "s3cret"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "text/plain"),
        ("Connection", "x-secret"),
        ("Keep-Alive", "1"),
        ("User-Agent", "s3cret"),
    ] {
        let (lookup, asked) = dns(vec![vec![]]);
        let sender = Sender { lookup, ..Sender::new(Reach::PublicOnly, AMPLE) };
        let mut out = to("http://hook.example.com/");
        out.headers.push((name.to_owned(), value.to_owned()));
        let why = refusal(sender.post(&out).await);
        assert!(!why.contains("s3cret"), "{why}");
        assert!(!why.contains(['\r', '\n']), "{why:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }
}
