mod disguises;

use super::AddressPolicy::{AllowLoopback, PublicOnly};
use super::OutboundUrlFault as Fault;
use super::*;

fn fault(text: &str) -> Fault {
    match OutboundUrl::parse(text, PublicOnly) {
        Err(fault) => fault,
        Ok(url) => panic!("{text:?} was accepted as {}", url.as_str()),
    }
}

fn private_name(host: &str) -> Fault {
    Fault::PrivateName { host: host.to_owned() }
}

fn single_label(host: &str) -> Fault {
    Fault::SingleLabel { host: host.to_owned() }
}

fn private_address(address: &str) -> Fault {
    Fault::PrivateAddress { address: address.parse().unwrap() }
}

fn disguised(address: &str) -> Fault {
    Fault::DisguisedAddress { address: address.parse().unwrap() }
}

#[test]
fn public_urls_are_accepted_and_normalised() {
    for (text, normalised) in [
        ("https://example.com", "https://example.com/"),
        ("https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("HTTPS://EXAMPLE.com:443/A", "https://example.com/A"),
        ("http://example.com:8080/", "http://example.com:8080/"),
        ("http://example.com:/", "http://example.com/"),
        ("https://a-b_c.example.com/", "https://a-b_c.example.com/"),
        ("https://example.com/a/../b", "https://example.com/b"),
        ("https://example.com/%0d%0aX:y", "https://example.com/%0d%0aX:y"),
        ("https://example.com/user@host:1//x", "https://example.com/user@host:1//x"),
        ("https://example.com?to=http://10.0.0.1/", "https://example.com/?to=http://10.0.0.1/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://example。com/", "https://example.com/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2001:4860:4860::8888]:81/", "http://[2001:4860:4860::8888]:81/"),
        ("http://[2001:4860:4860:0:0:0:0:8888]/", "http://[2001:4860:4860::8888]/"),
        ("https://notmetadata.example.com/", "https://notmetadata.example.com/"),
        ("https://local.example.com/", "https://local.example.com/"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
    ] {
        let url = OutboundUrl::parse(text, PublicOnly).unwrap();
        assert_eq!(url.as_str(), normalised, "{text}");
    }
}

#[test]
fn parsed_url_has_connection_parts() {
    let url = OutboundUrl::parse("https://Example.com:8443/a?b=c#d", PublicOnly).unwrap();
    assert_eq!((url.host(), url.port(), url.is_https()), ("example.com", 8443, true));
    assert_eq!((url.authority(), url.path_and_query()), ("example.com:8443", "/a?b=c"));
    assert_eq!(url.address(), None);

    let url = OutboundUrl::parse("http://example.com", PublicOnly).unwrap();
    assert_eq!((url.port(), url.is_https()), (80, false));
    assert_eq!((url.authority(), url.path_and_query()), ("example.com", "/"));
    assert_eq!(OutboundUrl::parse("https://example.com", PublicOnly).unwrap().port(), 443);

    let url = OutboundUrl::parse("http://[::ffff:8.8.8.8]:81/", PublicOnly).unwrap();
    assert_eq!(url.host(), "[::ffff:808:808]");
    assert_eq!(url.authority(), "[::ffff:808:808]:81");
    assert_eq!(url.address(), Some("::ffff:8.8.8.8".parse().unwrap()));
    let url = OutboundUrl::parse("http://8.8.8.8/", PublicOnly).unwrap();
    assert_eq!(url.address(), Some("8.8.8.8".parse().unwrap()));
}

#[test]
fn malformed_urls_are_refused() {
    for (text, expected) in [
        ("", Fault::Relative),
        ("/callback", Fault::Relative),
        ("//example.com/", Fault::Relative),
        ("example.com/callback", Fault::Relative),
        ("?x=http://example.com", Fault::Relative),
        ("1http://example.com", Fault::Relative),
        ("http:example.com", Fault::Relative),
        ("http:/example.com", Fault::Relative),
        ("https:", Fault::Relative),
        ("example.com:80/", Fault::Scheme),
        ("ftp://example.com/", Fault::Scheme),
        ("file:///etc/passwd", Fault::Scheme),
        ("gopher://example.com/", Fault::Scheme),
        ("javascript:alert(1)", Fault::Scheme),
        ("unix:///var/run/docker.sock", Fault::Scheme),
        ("http+unix://example.com/", Fault::Scheme),
        ("ws://example.com/", Fault::Scheme),
        ("http://", Fault::EmptyHost),
        ("http:///", Fault::EmptyHost),
        ("http:///example.com/", Fault::EmptyHost),
        ("http://?x", Fault::EmptyHost),
        ("http://#x", Fault::EmptyHost),
        ("http://:80/", Fault::EmptyHost),
        ("http://user@example.com/", Fault::UserInfo),
        ("http://user:password@example.com/", Fault::UserInfo),
        ("http://@example.com/", Fault::UserInfo),
        ("http://:@example.com/", Fault::UserInfo),
        ("http://example.com@10.0.0.1/", Fault::UserInfo),
        ("http://example.com:80@example.org:81/", Fault::UserInfo),
        ("http://example.com:0/", Fault::Port),
        ("http://example.com:00000/", Fault::Port),
        ("http://example.com:65536/", Fault::Port),
        ("http://example.com:-1/", Fault::Port),
        ("http://example.com:http/", Fault::Port),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

#[test]
fn invalid_hosts_are_refused() {
    let long_label = format!("http://{}.example.com/", "a".repeat(64));
    let long_name = format!("http://{}com/", "abcdefg.".repeat(32));
    for (text, expected) in [
        ("http://localhost/", private_name("localhost")),
        ("http://LOCALHOST:8080/", private_name("localhost")),
        ("http://a.localhost/", private_name("a.localhost")),
        ("http://metadata/", private_name("metadata")),
        ("http://metadata.google.internal/", private_name("metadata.google.internal")),
        ("http://metadata.example.com/", private_name("metadata.example.com")),
        ("http://db.internal/", private_name("db.internal")),
        ("http://internal/", private_name("internal")),
        ("http://printer.local/", private_name("printer.local")),
        ("http://ip-10-0-0-1.ec2.internal/", private_name("ip-10-0-0-1.ec2.internal")),
        // Full-width letters, an invisible soft hyphen, percent-encoding, an ideographic stop.
        ("http://ｌｏｃａｌｈｏｓｔ/", private_name("localhost")),
        ("http://local\u{ad}host/", private_name("localhost")),
        ("http://local%68ost/", private_name("localhost")),
        ("http://a。localhost/", private_name("a.localhost")),
        ("http://ⓜetadata/", private_name("metadata")),
        ("http://intranet/", single_label("intranet")),
        ("http://com/", single_label("com")),
        ("http://instance-data/", single_label("instance-data")),
        ("http://example.com./", Fault::TrailingDot),
        ("http://example.com。/", Fault::TrailingDot),
        ("http://localhost./", Fault::TrailingDot),
        ("http://intranet./", Fault::TrailingDot),
        ("http://a..example.com/", Fault::BadHost),
        ("http://.example.com/", Fault::BadHost),
        ("http://a,b.example.com/", Fault::BadHost),
        ("http://$(id).example.com/", Fault::BadHost),
        ("http://*.example.com/", Fault::BadHost),
        ("http://a%2fb.example.com/", Fault::BadHost),
        ("http://a%40b.example.com/", Fault::BadHost),
        ("http://a%00.example.com/", Fault::BadHost),
        ("http://a＠example.com/", Fault::BadHost),
        ("http://example.com：80/", Fault::BadHost),
        ("http://a／b.example.com/", Fault::BadHost),
        ("http://xn--a.example.com/", Fault::BadHost),
        ("http://256.1.1.1/", Fault::BadHost),
        ("http://1.2.3.4.5/", Fault::BadHost),
        ("http://example.1/", Fault::BadHost),
        ("http://example.0x7f/", Fault::BadHost),
        ("http://08.8.8.8/", Fault::BadHost),
        ("http://4294967296/", Fault::BadHost),
        ("http://[::1/", Fault::BadHost),
        ("http://[fe80::1%25eth0]/", Fault::BadHost),
        ("http://[v1.x]/", Fault::BadHost),
        ("http://[8.8.8.8]/", Fault::BadHost),
        (&long_label, Fault::BadHost),
        (&long_name, Fault::BadHost),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

#[test]
fn private_and_disguised_addresses_are_refused() {
    for (text, expected) in [
        ("http://127.0.0.1/", private_address("127.0.0.1")),
        ("http://2130706433/", private_address("127.0.0.1")),
        ("http://0x7f000001/", private_address("127.0.0.1")),
        ("http://017700000001/", private_address("127.0.0.1")),
        ("http://0177.0.0.1/", private_address("127.0.0.1")),
        ("http://0x7f.1/", private_address("127.0.0.1")),
        ("http://127.1/", private_address("127.0.0.1")),
        ("http://127.0.1/", private_address("127.0.0.1")),
        ("http://127.0.0.1./", private_address("127.0.0.1")),
        ("http://127。0。0。1/", private_address("127.0.0.1")),
        ("http://１２７.0.0.1/", private_address("127.0.0.1")),
        ("http://①②⑦.0.0.1/", private_address("127.0.0.1")),
        ("http://127%2e0%2e0%2e1/", private_address("127.0.0.1")),
        ("http://0/", private_address("0.0.0.0")),
        ("http://0x/", private_address("0.0.0.0")),
        ("http://2852039166/", private_address("169.254.169.254")),
        ("http://169.254.170.2/v2/credentials", private_address("169.254.170.2")),
        ("http://10.0.0.1:8080/", private_address("10.0.0.1")),
        ("http://[::]/", private_address("::")),
        ("http://[::1]/", private_address("::1")),
        ("http://[0:0:0:0:0:0:0:1]/", private_address("::1")),
        ("http://[::ffff:127.0.0.1]/", private_address("::ffff:127.0.0.1")),
        ("http://[::ffff:7f00:1]/", private_address("::ffff:127.0.0.1")),
        ("http://[::127.0.0.1]/", private_address("::127.0.0.1")),
        ("http://[64:ff9b::a9fe:a9fe]/", private_address("64:ff9b::a9fe:a9fe")),
        ("http://[fd00:ec2::254]/", private_address("fd00:ec2::254")),
        ("http://[FE80::1]/", private_address("fe80::1")),
        ("http://134744072/", disguised("8.8.8.8")),
        ("http://0x08.8.8.8/", disguised("8.8.8.8")),
        ("http://8.8.2056/", disguised("8.8.8.8")),
        ("http://8.8.8.8./", disguised("8.8.8.8")),
        ("http://８.8.8.8:80/", disguised("8.8.8.8")),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

#[test]
fn forbidden_characters_are_refused_at_any_position() {
    let characters =
        ['\t', '\n', '\r', '\0', '\u{1b}', ' ', '\u{7f}', '\u{85}', '\u{a0}', '\u{2028}', '\u{3000}', '\\'];
    let url = "https://example.com:80/a?b#c";
    for character in characters {
        for at in 0..=url.len() {
            let mut text = url.to_owned();
            text.insert(at, character);
            assert_eq!(fault(&text), Fault::ForbiddenCharacter { at }, "{text:?}");
        }
    }
}

#[test]
fn length_is_limited_before_and_after_normalisation() {
    let start = "https://example.com/";
    let longest = format!("{start}{}", "a".repeat(MAX_URL_BYTES - start.len()));
    assert!(OutboundUrl::parse(&longest, PublicOnly).is_ok());
    assert_eq!(fault(&format!("{longest}a")), Fault::TooLong { bytes: 2049 });

    let grown_by_encoding = format!("{start}{}", "ü".repeat(1000));
    assert_eq!(fault(&grown_by_encoding), Fault::TooLong { bytes: 6020 });
}

#[test]
fn allow_loopback_accepts_loopback_in_plain_spelling() {
    for text in [
        "http://localhost/",
        "http://LocalHost:3000/hook",
        "https://localhost/",
        "http://127.0.0.1:3000/",
        "http://127.9.9.9/",
        "http://[::1]:3000/",
        "https://example.com/",
    ] {
        assert!(OutboundUrl::parse(text, AllowLoopback).is_ok(), "{text}");
    }
    for text in [
        "http://a.localhost/",
        "http://localhost./",
        "http://localhost.localdomain.local/",
        "http://127.1/",
        "http://2130706433/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://intranet/",
        "http://printer.local/",
        "http://metadata/",
        "http://localhost:0/",
        "http://user@localhost/",
        "ftp://localhost/",
    ] {
        assert!(OutboundUrl::parse(text, AllowLoopback).is_err(), "{text}");
    }
}

#[test]
fn messages_say_what_to_do() {
    for (text, expected) in [
        ("ftp://example.com", "the URL is neither http nor https; use an https:// URL"),
        ("http://10.0.0.1", "10.0.0.1 is not a public address; use a host that the internet can reach"),
        ("http://134744072", "the URL has an IPv4 address in an unusual form; write it as 8.8.8.8"),
        (
            "https://example.com/ a",
            "the URL has whitespace, a control character or a backslash at byte 20; \
             remove it or percent-encode it",
        ),
    ] {
        assert_eq!(fault(text).to_string(), expected);
    }
}

#[test]
fn listed_hosts_are_allowed_in_private_networks() {
    let policy = PublicOnly.with_hosts("hooks.internal, 10.0.0.7").unwrap();
    for url in ["https://hooks.internal/a", "http://HOOKS.internal:8080/", "http://10.0.0.7/", "https://example.com/"] {
        assert!(OutboundUrl::parse(url, policy).is_ok(), "{url}");
    }
    for url in ["https://other.internal/", "http://10.0.0.8/", "http://0xa.0.0.7/", "http://127.0.0.1/"] {
        assert!(OutboundUrl::parse(url, policy).is_err(), "{url}");
    }
    let allows = |host: &str, address: &str| policy.allows(host, address.parse().unwrap());
    assert!(allows("hooks.internal", "192.168.1.4") && allows("hooks.internal", "fd12::1"));
    assert!(!allows("example.com", "192.168.1.4") && allows("example.com", "93.184.215.14"));
    // A list never opens the machine itself or the cloud's metadata.
    for address in ["127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "fe80::1", "::ffff:127.0.0.1"] {
        assert!(!allows("hooks.internal", address), "{address}");
    }
    let metadata = PublicOnly.with_hosts("169.254.169.254,metadata").unwrap();
    assert!(OutboundUrl::parse("http://169.254.169.254/", metadata).is_err());
    for list in ["", "a,,b", "http://a", "A.example.com", "a b"] {
        assert_eq!(PublicOnly.with_hosts(list), None, "{list}");
    }
}
