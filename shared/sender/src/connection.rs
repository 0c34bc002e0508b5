//! A TCP connection to a checked address, and TLS on top of it.

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

use super::Stop;

/// Tries the addresses in the order the resolver gave them. Takes addresses and no name, so that
/// nothing is resolved a second time.
pub(super) async fn open_any(addresses: &[SocketAddr], deadline: Instant, each: Duration) -> Result<TcpStream, Stop> {
    let mut why = "there is no address to connect to".to_owned();
    for address in addresses {
        let until = deadline.min(Instant::now() + each);
        why = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("connecting to {address}: {error}"),
            Err(_) => format!("ran out of time connecting to {address}"),
        };
        if Instant::now() >= deadline {
            break;
        }
    }
    Err(Stop::Failed(why))
}

/// Proves that the server is the URL's host, by name or by address.
pub(super) async fn secure(
    tls: &TlsConnector,
    url: &OutboundUrl,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Stop> {
    let name = server_name(url)?;
    tls.connect(name, stream).await.map_err(|error: io::Error| Stop::Failed(format!("TLS: {error}")))
}

fn server_name(url: &OutboundUrl) -> Result<ServerName<'static>, Stop> {
    match url.address() {
        Some(address) => Ok(ServerName::from(address)),
        None => ServerName::try_from(url.host().to_owned())
            .map_err(|_| Stop::Refused("the host of the URL is no name that a certificate can have".to_owned())),
    }
}

pub(super) fn public_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// Names the crypto provider, as the process-wide default is not ours to rely on.
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
