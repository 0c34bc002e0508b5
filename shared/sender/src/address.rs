//! From a URL to the addresses that may be connected to.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use handrail_domain::outbound::{OutboundUrl, Reach, reachable};

use super::Stop;

/// Finds the addresses of a host and port. A value, so that a test can be the DNS.
pub(super) type Lookup = Arc<dyn Fn(String, u16) -> Found + Send + Sync>;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

pub(super) fn system_lookup() -> Lookup {
    Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }))
}

/// The addresses behind the URL's host, every one of them checked.
///
/// One bad address among them refuses the name altogether. Leaving the bad ones out would be as
/// safe, as only checked addresses are connected to; but a name that points both inside
/// and outside is an attack or a mistake, and its owner should hear of it each time instead of
/// every time the good address happens to be down. The price: where the network makes NAT64
/// addresses up for hosts that have only IPv4, such hosts are refused.
pub(super) async fn checked(url: &OutboundUrl, reach: Reach, lookup: &Lookup) -> Result<Vec<SocketAddr>, Stop> {
    if let Some(address) = url.address() {
        // Parsing the URL has checked it.
        return Ok(vec![SocketAddr::new(address, url.port())]);
    }
    let host = url.host();
    let found = lookup(host.to_owned(), url.port())
        .await
        .map_err(|error| Stop::Failed(format!("looking up {host}: {error}")))?;
    if found.is_empty() {
        return Err(Stop::Failed(format!("looking up {host}: it has no address")));
    }
    if found.iter().any(|address| !reachable(address.ip(), reach)) {
        // Without the address: whoever reads this may not know the private DNS it came from.
        return Err(Stop::Refused(format!(
            "{host} has an address that is not public; use a host that the internet can reach"
        )));
    }
    Ok(found)
}
