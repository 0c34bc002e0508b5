//! Opens TCP connections to checked addresses, and TLS on top of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use handrail_domain::outbound::OutboundUrl;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::send_error::SendError;

/// Connects to the first reachable address, in the order of the DNS response. Takes no host name, so that the name is
/// not resolved again.
pub(super) async fn connect_any(
    addresses: &[SocketAddr],
    deadline: Instant,
    connect_timeout: Duration,
) -> Result<TcpStream, SendError> {
    let mut last_error = SendError::Failed("there is no address to connect to".to_owned());
    for address in addresses {
        let until = deadline.min(Instant::now() + connect_timeout);
        last_error = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => SendError::Failed(format!("connecting to {address}: {error}")),
            Err(_) => SendError::TimedOut(format!("ran out of time connecting to {address}")),
        };
        if Instant::now() >= deadline {
            break;
        }
    }
    Err(last_error)
}

/// Starts TLS and verifies that the certificate names the URL's host or address.
pub(super) async fn start_tls(
    tls: &TlsConnector,
    url: &OutboundUrl,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, SendError> {
    let name = server_name(url)?;
    tls.connect(name, stream).await.map_err(|error: io::Error| SendError::Failed(format!("TLS: {error}")))
}

fn server_name(url: &OutboundUrl) -> Result<ServerName<'static>, SendError> {
    match url.address() {
        Some(address) => Ok(ServerName::from(address)),
        None => ServerName::try_from(url.host().to_owned()).map_err(|_| {
            SendError::Refused("the host of the URL is not a name that a certificate can contain".to_owned())
        }),
    }
}

pub(super) fn public_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// Builds a connector with an explicit crypto provider, because the process-wide default may differ.
pub(super) fn tls_connector(roots: RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    #[expect(clippy::expect_used, reason = "the ring provider supports the default versions")]
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}
