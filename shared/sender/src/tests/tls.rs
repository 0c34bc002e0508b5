use super::certificate::identity;
use super::server::{blurting, tls_answering};
use super::*;

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

fn at(address: SocketAddr) -> Lookup {
    Arc::new(move |_, _| Box::pin(async move { Ok(vec![address]) }))
}

#[tokio::test]
async fn the_host_of_the_url_is_asked_for_and_proven() {
    let identity = identity();
    let server = tls_answering(identity.server, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, lookup: at(server.address), ..local(AMPLE) };

    let sent = sender.post(&to("https://hook.example.com/")).await;

    assert_eq!(status_and_body(sent), (204, String::new()));
    assert_eq!(server.finish().await, Some(Some("hook.example.com".to_owned())));
}

#[tokio::test]
async fn an_address_is_proven_as_an_address() {
    let identity = identity();
    let server = tls_answering(identity.server, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, ..local(AMPLE) };

    let sent = sender.post(&to(format!("https://{}/", server.address))).await;

    assert_eq!(status_and_body(sent), (204, String::new()));
    assert_eq!(server.finish().await, Some(None));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_failure() {
    let identity = identity();
    let server = tls_answering(identity.server, NO_CONTENT);
    let tls = connection::tls_connector(identity.roots);
    let sender = Sender { tls, lookup: at(server.address), ..local(AMPLE) };

    let why = failure(sender.post(&to("https://other.example.com/")).await);

    assert!(why.starts_with("TLS: invalid peer certificate"), "{why}");
    assert_eq!(server.finish().await, None);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_a_failure() {
    let server = tls_answering(identity().server, NO_CONTENT);
    let sender = Sender { lookup: at(server.address), ..local(AMPLE) };

    let why = failure(sender.post(&to("https://hook.example.com/")).await);

    assert!(why.contains("UnknownIssuer"), "{why}");
    assert_eq!(server.finish().await, None);
}

#[tokio::test]
async fn a_server_without_tls_is_a_failure() {
    let server = blurting("HTTP/1.1 400 Bad Request\r\n\r\n");
    let url = format!("https://{}/", server.address);
    let why = failure(local(AMPLE).post(&to(url)).await);
    assert!(why.starts_with("TLS: "), "{why}");
}
