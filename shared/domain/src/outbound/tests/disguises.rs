//! Private addresses in all spellings that URL parsers accept.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::super::*;

const PRIVATE_NETS: [([u8; 4], u32); 11] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

fn private_v4() -> impl Strategy<Value = Ipv4Addr> {
    (proptest::sample::select(&PRIVATE_NETS[..]), any::<u32>())
        .prop_map(|((net, bits), low)| Ipv4Addr::from_bits(Ipv4Addr::from(net).to_bits() | (low & (u32::MAX >> bits))))
}

#[derive(Clone, Copy, Debug)]
enum Base {
    Decimal,
    Octal,
    Hex,
    UpperHex,
    PaddedHex,
}

impl Base {
    fn write(self, number: u32) -> String {
        match self {
            Self::Decimal => number.to_string(),
            Self::Octal => format!("0{number:o}"),
            Self::Hex => format!("0x{number:x}"),
            Self::UpperHex => format!("0X{number:X}"),
            Self::PaddedHex => format!("0x{number:016x}"),
        }
    }
}

fn base() -> impl Strategy<Value = Base> {
    proptest::sample::select(&[Base::Decimal, Base::Octal, Base::Hex, Base::UpperHex, Base::PaddedHex][..])
}

/// Splits an address into parts, as in `a`, `a.b`, `a.b.c` or `a.b.c.d`. The last part has all remaining bits.
fn parts(address: Ipv4Addr, count: usize) -> Vec<u32> {
    let bits = address.to_bits();
    let mut parts: Vec<u32> = (0..count - 1).map(|index| bits >> (24 - 8 * index) & 0xff).collect();
    parts.push(bits & (u32::MAX >> (8 * (count - 1))));
    parts
}

/// Rewrites `text` with characters that URL parsers map to the plain ones.
fn disguise(text: &str, method: u8) -> String {
    match method {
        0 => text.to_owned(),
        1 => text.replace('.', "。"),
        2 => text.replace('.', "．"),
        3 => text.chars().map(full_width).collect(),
        4 => text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        5 => text.chars().flat_map(|c| [c, '\u{ad}']).collect(),
        _ => format!("{text}."),
    }
}

fn full_width(c: char) -> char {
    char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn private_ipv4_is_refused_in_any_spelling(
        address in private_v4(),
        count in 1_usize..=4,
        bases in proptest::array::uniform4(base()),
        method in 0_u8..=6,
        policy in proptest::sample::select(&[AddressPolicy::PublicOnly, AddressPolicy::AllowLoopback][..]),
    ) {
        let plain: Vec<String> =
            parts(address, count).into_iter().zip(bases).map(|(part, base)| base.write(part)).collect();
        let plain = plain.join(".");
        let text = format!("http://{}/", disguise(&plain, method));

        let outcome = OutboundUrl::parse(&text, policy);
        if policy == AddressPolicy::AllowLoopback && address.is_loopback() {
            // `AllowLoopback` accepts loopback in the usual spelling only.
            prop_assert_eq!(outcome.is_ok(), text == format!("http://{address}/"), "{}", text);
        } else {
            let expected = OutboundUrlFault::PrivateAddress { address: address.into() };
            prop_assert_eq!(outcome.unwrap_err(), expected, "{}", text);
        }
    }

    #[test]
    fn private_ipv4_inside_ipv6_is_refused(address in private_v4()) {
        let [high, low] = [address.to_bits() >> 16, address.to_bits() & 0xffff];
        for host in [
            format!("::ffff:{address}"),
            format!("::ffff:{high:x}:{low:x}"),
            format!("0:0:0:0:0:FFFF:{high:04X}:{low:04X}"),
            format!("::{address}"),
            format!("64:ff9b::{address}"),
            format!("64:ff9b:1::{address}"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("2001:0:{high:x}:{low:x}::1"),
            format!("2001::{:x}:{:x}", !high & 0xffff, !low & 0xffff),
        ] {
            let text = format!("http://[{host}]/");
            prop_assert!(OutboundUrl::parse(&text, AddressPolicy::PublicOnly).is_err(), "{}", text);
        }
    }

    #[test]
    fn accepted_addresses_are_allowed_addresses(bits: u128, v4: bool) {
        let (address, text): (IpAddr, _) = if v4 {
            let address = Ipv4Addr::from_bits((bits >> 96) as u32);
            (address.into(), format!("http://{address}/"))
        } else {
            let address = Ipv6Addr::from_bits(bits);
            (address.into(), format!("http://[{address}]/"))
        };
        for policy in [AddressPolicy::PublicOnly, AddressPolicy::AllowLoopback] {
            let accepted = OutboundUrl::parse(&text, policy);
            prop_assert_eq!(accepted.is_ok(), is_allowed(address, policy));
            if let Ok(url) = accepted {
                prop_assert_eq!(url.address(), Some(address));
            }
        }
    }

    #[test]
    fn accepted_url_parses_to_itself(
        text in "(https?|HTTP)://[a-zA-Zü.0-9:@%_\\[\\]-]{1,20}(/[ -~ü]{0,20})?",
    ) {
        for policy in [AddressPolicy::PublicOnly, AddressPolicy::AllowLoopback] {
            if let Ok(url) = OutboundUrl::parse(&text, policy) {
                prop_assert_eq!(OutboundUrl::parse(url.as_str(), policy), Ok(url.clone()));
                prop_assert!(url.as_str().is_ascii());
                prop_assert!(url.path_and_query().starts_with('/'));
            }
        }
    }

    #[test]
    fn parser_never_panics(text in any::<String>()) {
        let _ = OutboundUrl::parse(&text, AddressPolicy::PublicOnly);
        let _ = OutboundUrl::parse(&format!("http://{text}"), AddressPolicy::PublicOnly);
    }
}
