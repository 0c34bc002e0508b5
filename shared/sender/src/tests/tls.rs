use super::certificate::test_certificate;
use super::server::{respond_over_tls, respond_without_request};
use super::*;

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn dns_lookup_to(address: SocketAddr) -> DnsLookup {
    Arc::new(move |_, _| Box::pin(async move { Ok(vec![address]) }))
}

#[tokio::test]
async fn tls_verifies_the_host_name() {
    let identity = test_certificate();
    let server = respond_over_tls(identity.server_config, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, dns_lookup: dns_lookup_to(server.address), ..loopback_sender(LONG_LIMITS) };

    let outcome = sender.post(&request_to("https://hook.example.com/")).await;

    assert_eq!(status_and_body(outcome), (204, String::new()));
    assert_eq!(server.finish().await, Some(Some("hook.example.com".to_owned())));
}

#[tokio::test]
async fn tls_verifies_an_ip_address() {
    let identity = test_certificate();
    let server = respond_over_tls(identity.server_config, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, ..loopback_sender(LONG_LIMITS) };

    let outcome = sender.post(&request_to(format!("https://{}/", server.address))).await;

    assert_eq!(status_and_body(outcome), (204, String::new()));
    assert_eq!(server.finish().await, Some(None));
}

#[tokio::test]
async fn certificate_for_another_host_is_a_failure() {
    let identity = test_certificate();
    let server = respond_over_tls(identity.server_config, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, dns_lookup: dns_lookup_to(server.address), ..loopback_sender(LONG_LIMITS) };

    let reason = failure_reason(sender.post(&request_to("https://other.example.com/")).await);

    assert!(reason.starts_with("TLS: invalid peer certificate"), "{reason}");
    assert_eq!(server.finish().await, None);
}

#[tokio::test]
async fn untrusted_certificate_is_a_failure() {
    let server = respond_over_tls(test_certificate().server_config, NO_CONTENT);
    let sender = Sender { dns_lookup: dns_lookup_to(server.address), ..loopback_sender(LONG_LIMITS) };

    let reason = failure_reason(sender.post(&request_to("https://hook.example.com/")).await);

    assert!(reason.contains("UnknownIssuer"), "{reason}");
    assert_eq!(server.finish().await, None);
}

#[tokio::test]
async fn server_without_tls_is_a_failure() {
    let server = respond_without_request("HTTP/1.1 400 Bad Request\r\n\r\n");
    let url = format!("https://{}/", server.address);
    let reason = failure_reason(loopback_sender(LONG_LIMITS).post(&request_to(url)).await);
    assert!(reason.starts_with("TLS: "), "{reason}");
}
