//! Which URLs Handrail is willing to call.
//!
//! Two places ask: the form that takes a callback URL from an agent, so that the agent hears of a
//! bad one at once, and the sender, which parses the stored text again before each call.
//!
//! What it guarantees: an [`OutboundUrl`] is an absolute http or https URL that is written
//! plainly, and its host is neither a private address nor a name reserved for one.
//! [`reachable`] answers the same question for an address.
//!
//! What it deliberately does not do: look names up. A public name can point at a private address,
//! and can do so a second after it was checked, therefore whoever connects must resolve the
//! name once, ask [`reachable`] about every answer, and connect to the very address it asked about.

mod fault;
mod ranges;

use std::net::IpAddr;

use url::{Host, Position, Url};

pub use fault::OutboundUrlFault;
pub use ranges::reachable;

/// The longest URL accepted, as it was given and as it is written after normalisation.
pub const MAX_URL_BYTES: usize = 2048;

/// Longest name the DNS can hold, and the longest label in one (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// How far a call may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only what the public internet can reach.
    PublicOnly,
    /// Also this machine. For the laptop runner, where the agent lives next to the service.
    LoopbackToo,
}

/// A URL that passed every check that can be made on its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundUrl {
    url: Url,
    // Kept beside `url`, whose own accessor is an `Option` although http URLs always have a host.
    host: Host<String>,
    port: u16,
}

impl OutboundUrl {
    pub fn parse(text: &str, reach: Reach) -> Result<Self, OutboundUrlFault> {
        check_raw_text(text)?;
        let authority = authority_of(text)?;
        if authority.contains('@') {
            return Err(OutboundUrlFault::UserInfo);
        }

        let url = Url::parse(text)?;
        // Percent-encoding and punycode make text longer, and what is stored must parse again.
        check_length(url.as_str())?;
        let port = match url.port_or_known_default() {
            Some(port) if port != 0 => port,
            _ => return Err(OutboundUrlFault::Port),
        };
        let host = url.host().ok_or(OutboundUrlFault::EmptyHost)?.to_owned();
        check_host(&host, host_text(authority), reach)?;
        Ok(Self { url, host, port })
    }

    /// The normalised text. It parses to the same URL again.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The host as the URL has it: a lower-case ASCII name, an IPv4 address, or an IPv6 address
    /// in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address, when the URL names one instead of a host name.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// The port to connect to, the scheme's own when the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Scheme, host and port, as a policy of a page names them.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// What belongs into the `Host` header: the port is there unless it is the scheme's own.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// The request target. The fragment is not part of it.
    pub fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }
}

/// The URL parser drops tabs and line ends and reads a backslash as a slash. Other readers of the
/// same text do not, so a URL that holds any of them has no single meaning.
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

/// The part between `//` and the path, of the raw text. The URL parser would also accept
/// `http:host`, `http:/host` and `http:///host`; here the two slashes must be there as they should.
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

/// The host part of an authority that has no userinfo.
fn host_text(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn check_host(host: &Host<String>, written: &str, reach: Reach) -> Result<(), OutboundUrlFault> {
    match host {
        Host::Domain(name) => check_name(name, reach),
        Host::Ipv4(address) => {
            check_address((*address).into(), reach)?;
            // 0x8080808 and 8.8.2056 are public, but who writes an address so wants it overlooked.
            if written == address.to_string() {
                Ok(())
            } else {
                Err(OutboundUrlFault::DisguisedAddress { address: *address })
            }
        }
        Host::Ipv6(address) => check_address((*address).into(), reach),
    }
}

fn check_address(address: IpAddr, reach: Reach) -> Result<(), OutboundUrlFault> {
    if reachable(address, reach) { Ok(()) } else { Err(OutboundUrlFault::PrivateAddress { address }) }
}

/// Expects a name that was mapped to lower-case ASCII, so that full-width letters, ideographic
/// full stops and invisible characters are gone.
fn check_name(name: &str, reach: Reach) -> Result<(), OutboundUrlFault> {
    if name == "localhost" && reach == Reach::LoopbackToo {
        return Ok(());
    }
    // With the dot at the end, a comparison against a certificate or a list of names may fail
    // or succeed depending on who compares.
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

/// Names that mean this machine, its network, or the cloud's metadata service.
fn is_reserved_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let first = name.split('.').next().unwrap_or_default();
    matches!(last, "localhost" | "local" | "internal") || first == "metadata"
}

#[cfg(test)]
mod tests;
