//! Reasons to refuse a URL, with their messages for callers.
//!
//! No message repeats the URL, whose query may contain a secret. A message names the host or the address only where
//! the message would be unclear otherwise.

use std::net::{IpAddr, Ipv4Addr};

/// Maximum length of a URL, before and after normalisation.
pub const MAX_URL_BYTES: usize = 2048;

/// Reason to refuse a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundUrlFault {
    #[error("the URL takes {bytes} bytes, the limit is {MAX_URL_BYTES}; use a shorter one")]
    TooLong { bytes: usize },
    #[error(
        "the URL has whitespace, a control character or a backslash at byte {at}; \
         remove it or percent-encode it"
    )]
    ForbiddenCharacter { at: usize },
    #[error("the URL is not absolute; write it in full, such as https://example.com/callback")]
    Relative,
    #[error("the URL is neither http nor https; use an https:// URL")]
    Scheme,
    #[error("the URL cannot be read; write it such as https://example.com/callback")]
    Unreadable,
    #[error(
        "the URL has a user name or password in front of the host; remove everything up to the @, \
         and check the signature of the call instead"
    )]
    UserInfo,
    #[error("the URL has no usable port; use one from 1 to 65535, or leave it out")]
    Port,
    #[error("the URL has no host; name one, such as https://example.com/callback")]
    EmptyHost,
    #[error("the host of the URL is not a valid host name or address; correct it")]
    BadHost,
    #[error("the host of the URL ends with a dot; remove the dot")]
    TrailingDot,
    #[error("{host} has no dot and so is no public host name; use the full name of a public host")]
    SingleLabel { host: String },
    #[error("{host} is a name for a private network or this machine; use a public host name")]
    PrivateName { host: String },
    #[error("{address} is not a public address; use a host that the internet can reach")]
    PrivateAddress { address: IpAddr },
    #[error("the URL has an IPv4 address in an unusual form; write it as {address}")]
    DisguisedAddress { address: Ipv4Addr },
}

impl From<url::ParseError> for OutboundUrlFault {
    fn from(error: url::ParseError) -> Self {
        use url::ParseError;
        match error {
            ParseError::EmptyHost => Self::EmptyHost,
            ParseError::InvalidPort => Self::Port,
            ParseError::IdnaError
            | ParseError::InvalidDomainCharacter
            | ParseError::InvalidIpv4Address
            | ParseError::InvalidIpv6Address => Self::BadHost,
            ParseError::RelativeUrlWithoutBase => Self::Relative,
            _ => Self::Unreadable,
        }
    }
}
