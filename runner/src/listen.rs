//! Where the service listens, and under which origin it is reached.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Address to listen on, and the public origin if it is another.
#[derive(Clone, Debug)]
pub struct Listen {
    pub address: IpAddr,
    /// Port; 0 for any free port.
    pub port: u16,
    /// Origin of the links in mails, such as `https://handrail.example.com`. `None` uses the address.
    pub origin: Option<String>,
}

impl Listen {
    /// Listens for this machine only.
    pub fn on_loopback(port: u16) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port, origin: None }
    }

    /// Returns `true` if other machines can connect.
    pub fn is_open(&self) -> bool {
        !self.address.to_canonical().is_loopback()
    }

    /// Returns the origin for the address that the listener got.
    pub(crate) fn origin_at(&self, address: SocketAddr) -> String {
        self.origin.clone().unwrap_or_else(|| format!("http://{}", reachable_from_here(address)))
    }
}

/// Returns an address that programs on this machine can call: 0.0.0.0 is no address to call.
pub(crate) fn reachable_from_here(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_an_address_that_can_be_called() {
        for (address, origin) in [
            ("127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("0.0.0.0:8787", "http://127.0.0.1:8787"),
            ("[::]:8787", "http://127.0.0.1:8787"),
            ("[::1]:80", "http://[::1]:80"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            assert_eq!(Listen::on_loopback(0).origin_at(address), origin);
            let named = Listen { origin: Some("https://handrail.example.com".to_owned()), ..Listen::on_loopback(0) };
            assert_eq!(named.origin_at(address), "https://handrail.example.com");
        }
    }

    #[test]
    fn only_loopback_is_closed_to_other_machines() {
        for (address, is_open) in [
            ("127.0.0.1", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("10.0.0.7", true),
        ] {
            let listen = Listen { address: address.parse().unwrap(), ..Listen::on_loopback(0) };
            assert_eq!(listen.is_open(), is_open, "{address}");
        }
    }
}
