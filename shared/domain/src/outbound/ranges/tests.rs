use proptest::prelude::*;

use super::super::AddressPolicy::{AllowLoopback, PublicOnly};
use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// First and last address of each refused range, between the public neighbours on both sides. A neighbour is `None` if
/// it does not exist or is refused too.
const V4_RANGES: [(Option<&str>, &str, &str, Option<&str>); 15] = [
    (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
    (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
    (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
    (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
    (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
    (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
    (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
    (Some("192.0.1.255"), "192.0.2.0", "192.0.2.255", Some("192.0.3.0")),
    (Some("192.88.98.255"), "192.88.99.0", "192.88.99.255", Some("192.88.100.0")),
    (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
    (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
    (Some("198.51.99.255"), "198.51.100.0", "198.51.100.255", Some("198.51.101.0")),
    (Some("203.0.112.255"), "203.0.113.0", "203.0.113.255", Some("203.0.114.0")),
    (Some("223.255.255.255"), "224.0.0.0", "239.255.255.255", None),
    (None, "240.0.0.0", "255.255.255.255", None),
];

const V6_RANGES: [(Option<&str>, &str, &str, Option<&str>); 18] = [
    (None, "::", "::", None),
    (None, "::1", "::1", None),
    (None, "64:ff9b::", "64:ff9b::ffff:ffff", None),
    (None, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", None),
    (None, "100::", "100::ffff:ffff:ffff:ffff", None),
    (None, "1000::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000::")),
    (
        Some("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        "2001::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        Some("2001:200::"),
    ),
    (None, "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", None),
    (None, "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", None),
    (None, "2001:10::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", None),
    (
        Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
        "2001:db8::",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        Some("2001:db9::"),
    ),
    (
        Some("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        "2002::",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        Some("2003::"),
    ),
    (
        Some("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        "3fff::",
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        Some("3fff:1000::"),
    ),
    (Some("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "4000::", "5f00::", None),
    (None, "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    (None, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    (None, "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    (None, "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
];

#[test]
fn refused_ranges_have_exact_bounds() {
    for (before, first, last, after) in V4_RANGES.iter().chain(&V6_RANGES) {
        assert!(!is_allowed(ip(first), PublicOnly), "{first}");
        assert!(!is_allowed(ip(last), PublicOnly), "{last}");
        for neighbour in [before, after].into_iter().flatten() {
            assert!(is_allowed(ip(neighbour), PublicOnly), "{neighbour}");
            assert!(is_allowed(ip(neighbour), AllowLoopback), "{neighbour}");
        }
    }
}

#[test]
fn well_known_addresses_are_classified() {
    for public in ["1.1.1.1", "8.8.8.8", "52.94.236.248", "2001:4860:4860::8888", "2a00:1450::1", "::ffff:8.8.8.8"] {
        assert!(is_allowed(ip(public), PublicOnly), "{public}");
    }
    for (private, description) in [
        ("169.254.169.254", "instance metadata"),
        ("169.254.170.2", "container credentials"),
        ("169.254.100.1", "Lambda's own link-local network"),
        ("fd00:ec2::254", "instance metadata by IPv6"),
        ("fd00:ec2::23", "pod identity by IPv6"),
        ("100.100.100.200", "metadata in the carrier range"),
        ("::ffff:169.254.169.254", "mapped metadata"),
        ("::169.254.169.254", "compatible metadata"),
        ("64:ff9b::169.254.169.254", "NAT64 metadata"),
        ("64:ff9b::8.8.8.8", "NAT64 of a public address"),
        ("2002:a9fe:a9fe::1", "6to4 of metadata"),
        ("2002:808:808::1", "6to4 of a public address"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
        ("fe80::1", "link-local"),
        ("ff02::1", "all nodes"),
    ] {
        for policy in [PublicOnly, AllowLoopback] {
            assert!(!is_allowed(ip(private), policy), "{private}: {description}");
        }
    }
}

#[test]
fn allow_loopback_accepts_loopback() {
    for loopback in ["127.0.0.1", "127.0.0.0", "127.255.255.255", "127.53.1.9", "::1", "::ffff:127.0.0.1"] {
        assert!(!is_allowed(ip(loopback), PublicOnly), "{loopback}");
        assert!(is_allowed(ip(loopback), AllowLoopback), "{loopback}");
    }
}

#[test]
fn allow_loopback_refuses_other_private_ranges() {
    for (_, first, last, _) in V4_RANGES.iter().chain(&V6_RANGES) {
        for edge in [ip(first), ip(last)] {
            assert_eq!(is_allowed(edge, AllowLoopback), edge.is_loopback(), "{edge}");
        }
    }
    assert!(!is_allowed(ip("::127.0.0.1"), AllowLoopback));
    assert!(!is_allowed(ip("64:ff9b::127.0.0.1"), AllowLoopback));
    assert!(!is_allowed(ip("2002:7f00:1::1"), AllowLoopback));
}

proptest! {
    #[test]
    fn special_addresses_of_std_are_refused(bits: u32) {
        let v4 = Ipv4Addr::from_bits(bits);
        let special = v4.is_unspecified()
            || v4.is_loopback()
            || v4.is_private()
            || v4.is_link_local()
            || v4.is_documentation()
            || v4.is_multicast()
            || v4.is_broadcast();
        if special {
            prop_assert!(!is_allowed(v4.into(), PublicOnly));
        }
        prop_assert_eq!(is_allowed(v4.into(), PublicOnly), is_allowed(v4.to_ipv6_mapped().into(), PublicOnly));
    }

    #[test]
    fn ipv6_outside_global_unicast_is_refused(bits: u128) {
        let v6 = Ipv6Addr::from_bits(bits);
        if v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast() {
            prop_assert!(!is_allowed(v6.into(), AllowLoopback));
        }
        if bits >> 125 != 1 && v6.to_ipv4().is_none() {
            prop_assert!(!is_allowed(v6.into(), AllowLoopback));
        }
    }

    #[test]
    fn policies_differ_for_loopback_only(bits: u128, v4: bool) {
        let address: IpAddr = if v4 {
            Ipv4Addr::from_bits((bits >> 96) as u32).into()
        } else {
            Ipv6Addr::from_bits(bits).into()
        };
        let differs = is_allowed(address, PublicOnly) != is_allowed(address, AllowLoopback);
        prop_assert_eq!(differs, address.to_canonical().is_loopback());
    }
}
