//! Resolves the host of a URL to addresses that the address policy allows.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use handrail_domain::outbound::{AddressPolicy, OutboundUrl};

use crate::send_error::SendError;

/// DNS lookup of a host and port. Tests replace this function.
pub(super) type DnsLookup = Arc<dyn Fn(String, u16) -> DnsLookupFuture + Send + Sync>;

type DnsLookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

pub(super) fn system_dns_lookup() -> DnsLookup {
    Arc::new(|host, port| Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }))
}

/// Returns the addresses of the URL's host, all of them checked.
///
/// One forbidden address refuses the host. Dropping only that address would be as safe, but a host with public and
/// private addresses is an attack or a mistake, and its owner should see the error on every call. Therefore networks
/// that synthesize NAT64 addresses get IPv4-only hosts refused.
pub(super) async fn resolve_allowed_addresses(
    url: &OutboundUrl,
    address_policy: AddressPolicy,
    lookup: &DnsLookup,
) -> Result<Vec<SocketAddr>, SendError> {
    if let Some(address) = url.address() {
        // `OutboundUrl::parse` has checked this address.
        return Ok(vec![SocketAddr::new(address, url.port())]);
    }
    let host = url.host();
    let found = lookup(host.to_owned(), url.port())
        .await
        .map_err(|error| SendError::Failed(format!("looking up {host}: {error}")))?;
    if found.is_empty() {
        return Err(SendError::Failed(format!("looking up {host}: the host has no address")));
    }
    if found.iter().any(|address| !address_policy.allows(host, address.ip())) {
        // The message omits the address, which may come from a private DNS.
        return Err(SendError::Refused(format!(
            "{host} has an address that is not public; use a host that the internet can reach"
        )));
    }
    Ok(found)
}
