//! Private addresses in every spelling a URL parser has ever understood.

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

/// `a`, `a.b`, `a.b.c` or `a.b.c.d`, where the last part takes the bits that are left.
fn parts(address: Ipv4Addr, count: usize) -> Vec<u32> {
    let bits = address.to_bits();
    let mut parts: Vec<u32> = (0..count - 1).map(|index| bits >> (24 - 8 * index) & 0xff).collect();
    parts.push(bits & (u32::MAX >> (8 * (count - 1))));
    parts
}

/// The same text in characters that a URL parser maps to the plain ones.
fn disguise(text: &str, as_what: u8) -> String {
    match as_what {
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
    fn no_private_ipv4_address_passes_in_any_spelling(
        address in private_v4(),
        count in 1_usize..=4,
        bases in proptest::array::uniform4(base()),
        as_what in 0_u8..=6,
        reach in proptest::sample::select(&[Reach::PublicOnly, Reach::LoopbackToo][..]),
    ) {
        let plain: Vec<String> =
            parts(address, count).into_iter().zip(bases).map(|(part, base)| base.write(part)).collect();
        let plain = plain.join(".");
        let text = format!("http://{}/", disguise(&plain, as_what));

        let outcome = OutboundUrl::parse(&text, reach);
        if reach == Reach::LoopbackToo && address.is_loopback() {
            // Loopback is fine there, though only as everybody writes it.
            prop_assert_eq!(outcome.is_ok(), text == format!("http://{address}/"), "{}", text);
        } else {
            let expected = OutboundUrlFault::PrivateAddress { address: address.into() };
            prop_assert_eq!(outcome.unwrap_err(), expected, "{}", text);
        }
    }

    #[test]
    fn no_private_ipv4_address_passes_inside_an_ipv6_address(address in private_v4()) {
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
            prop_assert!(OutboundUrl::parse(&text, Reach::PublicOnly).is_err(), "{}", text);
        }
    }

    #[test]
    fn an_accepted_address_is_a_reachable_one(bits: u128, v4: bool) {
        let (address, text): (IpAddr, _) = if v4 {
            let address = Ipv4Addr::from_bits((bits >> 96) as u32);
            (address.into(), format!("http://{address}/"))
        } else {
            let address = Ipv6Addr::from_bits(bits);
            (address.into(), format!("http://[{address}]/"))
        };
        for reach in [Reach::PublicOnly, Reach::LoopbackToo] {
            let accepted = OutboundUrl::parse(&text, reach);
            prop_assert_eq!(accepted.is_ok(), reachable(address, reach));
            if let Ok(url) = accepted {
                prop_assert_eq!(url.address(), Some(address));
            }
        }
    }

    #[test]
    fn what_is_accepted_parses_to_itself_again(
        text in "(https?|HTTP)://[a-zA-Zü.0-9:@%_\\[\\]-]{1,20}(/[ -~ü]{0,20})?",
    ) {
        for reach in [Reach::PublicOnly, Reach::LoopbackToo] {
            if let Ok(url) = OutboundUrl::parse(&text, reach) {
                prop_assert_eq!(OutboundUrl::parse(url.as_str(), reach), Ok(url.clone()));
                prop_assert!(url.as_str().is_ascii());
                prop_assert!(url.path_and_query().starts_with('/'));
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_fall_over(text in any::<String>()) {
        let _ = OutboundUrl::parse(&text, Reach::PublicOnly);
        let _ = OutboundUrl::parse(&format!("http://{text}"), Reach::PublicOnly);
    }
}
