//! Public and private IP addresses.
//!
//! The tables follow the IANA special-purpose address registries. They refuse the whole of a reserved block, even if a
//! registry calls an address in the block globally reachable, such as 192.0.0.9: no receiver uses such an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that calls may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPolicy {
    /// Public addresses only.
    PublicOnly,
    /// Public and loopback addresses, for the laptop runner, whose receivers run on the same machine.
    AllowLoopback,
    /// Public addresses, and the addresses of the listed hosts in private networks; with `loopback` also loopback
    /// addresses of any host.
    AllowHosts { hosts: &'static [String], loopback: bool },
}

/// Maximum length of a listed host.
const HOST_BYTES_MAX: usize = 253;
/// Maximum number of listed hosts.
const HOSTS_MAX: usize = 100;

impl AddressPolicy {
    /// Adds the hosts of a list separated by commas, which calls may reach in private networks. `None` if a host is no
    /// plain name or address. Call it once in a process: the list stays in memory until the process ends.
    #[must_use]
    pub fn with_hosts(self, list: &str) -> Option<Self> {
        let hosts: Vec<String> = list.split(',').map(|host| host.trim().to_owned()).collect();
        let is_host = |host: &String| {
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_:[]".contains(&b);
            (1..=HOST_BYTES_MAX).contains(&host.len()) && host.bytes().all(is_plain)
        };
        if hosts.len() > HOSTS_MAX || !hosts.iter().all(is_host) {
            return None;
        }
        Some(Self::AllowHosts { hosts: hosts.leak(), loopback: self.allows_loopback() })
    }

    /// Returns `true` if calls may reach this address as one of the host's. Loopback and link-local addresses, where
    /// the Lambda runtime and the cloud's metadata services are, stay closed to listed hosts too.
    pub fn allows(self, host: &str, address: IpAddr) -> bool {
        is_allowed(address, self) || (self.lists(host) && is_private_network(address))
    }

    pub(super) fn lists(self, host: &str) -> bool {
        matches!(self, Self::AllowHosts { hosts, .. } if hosts.iter().any(|listed| listed == host))
    }

    pub(super) fn allows_loopback(self) -> bool {
        matches!(self, Self::AllowLoopback | Self::AllowHosts { loopback: true, .. })
    }
}

/// Returns `true` if calls may reach this address.
pub fn is_allowed(ip: IpAddr, policy: AddressPolicy) -> bool {
    match ip {
        IpAddr::V4(ip) => is_allowed_v4(ip, policy),
        IpAddr::V6(ip) => is_allowed_v6(ip, policy),
    }
}

fn is_allowed_v4(ip: Ipv4Addr, policy: AddressPolicy) -> bool {
    (policy.allows_loopback() && ip.is_loopback())
        || !REFUSED_V4.iter().any(|(net, bits)| is_within_v4(ip, *net, *bits))
}

fn is_allowed_v6(ip: Ipv6Addr, policy: AddressPolicy) -> bool {
    // The system connects to a mapped address over IPv4, so the inner address decides.
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_allowed_v4(inner, policy);
    }
    if ip.is_loopback() {
        return policy.allows_loopback();
    }
    // No system treats an IPv4-compatible address as loopback, so `policy` has no effect.
    if is_within_v6(ip, Ipv6Addr::UNSPECIFIED, 96) {
        return ip.to_ipv4().is_some_and(|inner| is_allowed_v4(inner, AddressPolicy::PublicOnly));
    }
    is_within_v6(ip, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1)
        && !REFUSED_V6.iter().any(|(net, bits)| is_within_v6(ip, *net, *bits))
}

/// Returns `true` for addresses of private networks, which a listed host may have.
pub(super) fn is_private_network(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local() && ip != METADATA_V6,
    }
}

/// Metadata service of EC2.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Refused IPv4 networks.
const REFUSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carrier-grade NAT.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, with the metadata services: 169.254.169.254, and 169.254.170.2 for credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4, which is deprecated.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Network benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Documentation.
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and the broadcast address at its end.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Network of all public IPv6 addresses. Outside this network are the unique local (fc00::/7, with fd00:ec2::254),
/// link-local (fe80::/10), site-local (fec0::/10) and multicast (ff00::/8) addresses, and NAT64 (64:ff9b::/96,
/// 64:ff9b:1::/48), which can reach any IPv4 address.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Refused networks within [`GLOBAL_UNICAST`].
const REFUSED_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, among them Teredo (2001::/32), which carries IPv4 addresses.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which carries IPv4 addresses.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

fn is_within_v4(ip: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}

fn is_within_v6(ip: Ipv6Addr, net: Ipv6Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}

#[cfg(test)]
mod tests;
