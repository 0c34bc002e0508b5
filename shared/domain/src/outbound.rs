//! URLs that Handrail may call.
//!
//! A URL is parsed when a request contains it, so that the caller sees the error at once. The sender parses the stored
//! text again before each call.
//!
//! An [`OutboundUrl`] is an absolute http or https URL in plain spelling. Its host is neither a private address nor a
//! name reserved for one. [`is_allowed`] checks an address.
//!
//! Names are not resolved here. A public name can point at a private address, even a second after a check. So the
//! sender must resolve the name once, check every address with [`is_allowed`], and connect to an address that passed.

mod fault;
mod ranges;

use std::net::IpAddr;

use url::{Host, Position, Url};

pub use fault::{MAX_URL_BYTES, OutboundUrlFault};
pub use ranges::{AddressPolicy, is_allowed};

/// Maximum length of a DNS name (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;
/// Maximum length of a label in a DNS name.
const MAX_LABEL_BYTES: usize = 63;

/// URL that passed all checks of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundUrl {
    url: Url,
    // `Url::host` returns an `Option`, although http URLs always have a host.
    host: Host<String>,
    port: u16,
}

impl OutboundUrl {
    /// Checks and normalises a URL.
    pub fn parse(text: &str, policy: AddressPolicy) -> Result<Self, OutboundUrlFault> {
        check_raw_text(text)?;
        let authority = authority_of(text)?;
        if authority.contains('@') {
            return Err(OutboundUrlFault::UserInfo);
        }

        let url = Url::parse(text)?;
        // Percent-encoding and punycode make the text longer, and the stored text must parse again.
        check_length(url.as_str())?;
        let port = match url.port_or_known_default() {
            Some(port) if port != 0 => port,
            _ => return Err(OutboundUrlFault::Port),
        };
        let host = url.host().ok_or(OutboundUrlFault::EmptyHost)?.to_owned();
        check_host(&host, host_text(authority), policy)?;
        Ok(Self { url, host, port })
    }

    /// Normalised text, which parses to the same URL again.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Host in the URL: a lower-case ASCII name, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns the address in the URL, or `None` if the URL has a host name.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Port in the URL, or the default port of the scheme.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Scheme, host and port, in the form for a Content-Security-Policy.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Value of the `Host` header. The default port of the scheme is left out.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Request target, without the fragment.
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

/// Refuses characters that URL parsers treat differently: this one drops tabs and line ends and reads a backslash as a
/// slash.
fn check_raw_text(text: &str) -> Result<(), OutboundUrlFault> {
    check_length(text)?;
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    match text.char_indices().find(|(_, c)| forbidden(*c)) {
        Some((at, _)) => Err(OutboundUrlFault::ForbiddenCharacter { at }),
        None => Ok(()),
    }
}

fn check_length(text: &str) -> Result<(), OutboundUrlFault> {
    match text.len() {
        0..=MAX_URL_BYTES => Ok(()),
        bytes => Err(OutboundUrlFault::TooLong { bytes }),
    }
}

/// Returns the raw text between `//` and the path. Refuses `http:host`, `http:/host` and `http:///host`, which the URL
/// parser would accept.
fn authority_of(text: &str) -> Result<&str, OutboundUrlFault> {
    let (scheme, rest) = text.split_once(':').ok_or(OutboundUrlFault::Relative)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return Err(OutboundUrlFault::Relative);
    }
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err(OutboundUrlFault::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(OutboundUrlFault::Relative)?;
    match rest.split(['/', '?', '#']).next() {
        None | Some("") => Err(OutboundUrlFault::EmptyHost),
        Some(authority) => Ok(authority),
    }
}

/// Host part of an authority without userinfo.
fn host_text(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn check_host(host: &Host<String>, spelling: &str, policy: AddressPolicy) -> Result<(), OutboundUrlFault> {
    match host {
        // The addresses of a listed name are checked before each call.
        Host::Domain(name) if policy.lists(name) => Ok(()),
        Host::Domain(name) => check_name(name, policy),
        Host::Ipv4(address) => {
            check_address((*address).into(), policy)?;
            // 0x8080808 and 8.8.2056 are public, but such spellings serve only to evade checks.
            if spelling == address.to_string() {
                Ok(())
            } else {
                Err(OutboundUrlFault::DisguisedAddress { address: *address })
            }
        }
        Host::Ipv6(address) => check_address((*address).into(), policy),
    }
}

fn check_address(address: IpAddr, policy: AddressPolicy) -> Result<(), OutboundUrlFault> {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    if policy.allows(&host, address) { Ok(()) } else { Err(OutboundUrlFault::PrivateAddress { address }) }
}

/// Checks a host name that the URL parser has already mapped to lower-case ASCII, without full-width letters,
/// ideographic full stops and invisible characters.
fn check_name(name: &str, policy: AddressPolicy) -> Result<(), OutboundUrlFault> {
    if name == "localhost" && policy.allows_loopback() {
        return Ok(());
    }
    // Programs differ in whether a name with a dot at the end equals the name without it.
    if name.ends_with('.') {
        return Err(OutboundUrlFault::TrailingDot);
    }
    if is_reserved_name(name) {
        return Err(OutboundUrlFault::PrivateName { host: name.to_owned() });
    }
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if name.len() > MAX_NAME_BYTES || !name.split('.').all(is_label) {
        return Err(OutboundUrlFault::BadHost);
    }
    if !name.contains('.') {
        return Err(OutboundUrlFault::SingleLabel { host: name.to_owned() });
    }
    Ok(())
}

/// Returns `true` for names of this machine, its network or the cloud's metadata service.
fn is_reserved_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let first = name.split('.').next().unwrap_or_default();
    matches!(last, "localhost" | "local" | "internal") || first == "metadata"
}

#[cfg(test)]
mod tests;
