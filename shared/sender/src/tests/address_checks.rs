use std::net::{IpAddr, Ipv4Addr, TcpListener};

use super::server::respond_with;
use super::*;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
const PRIVATE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80);
const PUBLIC: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), 80);

/// Local port that must receive no connection.
struct UnreachablePort(TcpListener);

impl UnreachablePort {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn assert_no_connection(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[tokio::test]
async fn public_name_with_loopback_address_is_refused() {
    let port = UnreachablePort::new();
    let address = port.address();
    let (dns_lookup, lookups) = fake_dns(vec![vec![address]]);
    let sender = Sender { dns_lookup, ..Sender::new(AddressPolicy::PublicOnly, LONG_LIMITS) };

    let url = format!("http://hook.example.com:{}/", address.port());
    let reason = refusal_reason(sender.post(&request_to(url)).await);

    assert!(reason.starts_with("hook.example.com has an address that is not public"), "{reason}");
    assert!(!reason.contains("127.0.0.1"), "{reason}");
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    port.assert_no_connection();
}

#[tokio::test]
async fn host_is_resolved_once_per_call() {
    let server = respond_with("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let port = UnreachablePort::new();
    let (dns_lookup, lookups) = fake_dns(vec![vec![server.address], vec![port.address()]]);
    let sender = Sender { dns_lookup, ..loopback_sender(LONG_LIMITS) };

    let outcome = sender.post(&request_to("http://hook.example.com/")).await;

    assert_eq!(status_and_body(outcome).0, 200);
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    port.assert_no_connection();
    let (request, ()) = server.finish().await;
    assert!(request.contains("\r\nhost: hook.example.com\r\n"), "{request}");
}

#[tokio::test]
async fn one_private_address_refuses_the_host() {
    for (address_policy, addresses) in [
        (AddressPolicy::PublicOnly, &[PUBLIC, PRIVATE]),
        (AddressPolicy::PublicOnly, &[LOOPBACK, PUBLIC]),
        (AddressPolicy::AllowLoopback, &[LOOPBACK, PRIVATE]),
    ] {
        let (dns_lookup, _) = fake_dns(vec![addresses.to_vec()]);
        let sender = Sender { dns_lookup, ..Sender::new(address_policy, LONG_LIMITS) };
        refusal_reason(sender.post(&request_to("http://hook.example.com/")).await);
    }
}

#[tokio::test]
async fn invalid_url_is_refused_before_dns_lookup() {
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
        let (dns_lookup, lookups) = fake_dns(vec![vec![]]);
        let sender = Sender { dns_lookup, ..Sender::new(AddressPolicy::PublicOnly, LONG_LIMITS) };
        refusal_reason(sender.post(&request_to(url)).await);
        assert_eq!(lookups.load(Ordering::SeqCst), 0, "{url}");
    }
}

#[tokio::test]
async fn unknown_host_is_a_failure() {
    let (dns_lookup, _) = fake_dns(vec![vec![]]);
    let sender = Sender { dns_lookup, ..loopback_sender(LONG_LIMITS) };
    let reason = failure_reason(sender.post(&request_to("http://hook.example.com/")).await);
    assert_eq!(reason, "looking up hook.example.com: the host has no address");

    let dns_lookup: DnsLookup = Arc::new(|_, _| Box::pin(async { Err(std::io::Error::other("no DNS")) }));
    let sender = Sender { dns_lookup, ..loopback_sender(LONG_LIMITS) };
    let reason = failure_reason(sender.post(&request_to("http://hook.example.com/")).await);
    assert_eq!(reason, "looking up hook.example.com: no DNS");
}

#[tokio::test]
async fn system_dns_resolves_localhost() {
    let server = respond_with("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let url = format!("http://localhost:{}/", server.address.port());
    assert_eq!(status_and_body(loopback_sender(LONG_LIMITS).post(&request_to(url)).await).0, 200);
}

#[tokio::test]
async fn invalid_header_is_refused_without_repeating_its_value() {
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
        let (dns_lookup, lookups) = fake_dns(vec![vec![]]);
        let sender = Sender { dns_lookup, ..Sender::new(AddressPolicy::PublicOnly, LONG_LIMITS) };
        let mut out = request_to("http://hook.example.com/");
        out.headers.push((name.to_owned(), value.to_owned()));
        let reason = refusal_reason(sender.post(&out).await);
        assert!(!reason.contains("s3cret"), "{reason}");
        assert!(!reason.contains(['\r', '\n']), "{reason:?}");
        assert_eq!(lookups.load(Ordering::SeqCst), 0);
    }
}
