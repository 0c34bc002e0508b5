//! Which IP addresses are public.
//!
//! The tables follow the IANA special-purpose address registries. Where a registry calls a
//! corner of a reserved block globally reachable (such as 192.0.0.9), the whole block is refused
//! here: no callback lives there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Reach;

/// Whether a call may go to this address.
pub fn reachable(ip: IpAddr, reach: Reach) -> bool {
    match ip {
        IpAddr::V4(ip) => v4_reachable(ip, reach),
        IpAddr::V6(ip) => v6_reachable(ip, reach),
    }
}

fn v4_reachable(ip: Ipv4Addr, reach: Reach) -> bool {
    (reach == Reach::LoopbackToo && ip.is_loopback())
        || !REFUSED_V4.iter().any(|(net, bits)| v4_within(ip, *net, *bits))
}

fn v6_reachable(ip: Ipv6Addr, reach: Reach) -> bool {
    // The system connects to a mapped address over IPv4, so the inner address is the true one.
    if let Some(inner) = ip.to_ipv4_mapped() {
        return v4_reachable(inner, reach);
    }
    if ip.is_loopback() {
        return reach == Reach::LoopbackToo;
    }
    // IPv4-compatible: not loopback for any system, so `reach` plays no part.
    if v6_within(ip, Ipv6Addr::UNSPECIFIED, 96) {
        return ip.to_ipv4().is_some_and(|inner| v4_reachable(inner, Reach::PublicOnly));
    }
    v6_within(ip, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1)
        && !REFUSED_V6.iter().any(|(net, bits)| v6_within(ip, *net, *bits))
}

const REFUSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared between a carrier and its customers.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, with the metadata services: 169.254.169.254, and 169.254.170.2 for credentials.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of the abandoned 6to4.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks between networks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // Documentation.
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and the broadcast address at its end.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// All that has been given out for the public internet. Outside of it lie the unique local
/// (fc00::/7, with fd00:ec2::254), link-local (fe80::/10), site-local (fec0::/10) and multicast
/// (ff00::/8) addresses, and NAT64 (64:ff9b::/96, 64:ff9b:1::/48), which leads to any IPv4 address.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

const REFUSED_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, among them Teredo (2001::/32), which carries IPv4 addresses.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which carries IPv4 addresses.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

fn v4_within(ip: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}

fn v6_within(ip: Ipv6Addr, net: Ipv6Addr, bits: u32) -> bool {
    (ip.to_bits() ^ net.to_bits()).leading_zeros() >= bits
}

#[cfg(test)]
mod tests;
