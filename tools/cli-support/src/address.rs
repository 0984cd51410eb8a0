//! Addresses in options: `localhost:9002` is the address of a socket, and of a server.

use std::borrow::Cow;
use std::net::{SocketAddr, ToSocketAddrs};

/// Parses the address of a socket, `host:port`. If a name has several addresses, an IPv4 address is preferred.
///
/// # Errors
///
/// The text is not an address, or the name has none.
pub fn socket(text: &str) -> Result<SocketAddr, String> {
    let addresses: Vec<_> = match text.to_socket_addrs() {
        Ok(addresses) => addresses.collect(),
        Err(_) => return Err("an address is host:port, such as 127.0.0.1:9001 or localhost:9001".to_owned()),
    };
    let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    first.copied().ok_or_else(|| "this name has no address".to_owned())
}

/// The URL of a server. Without a scheme it is an http URL.
#[must_use]
pub fn url(text: &str) -> Cow<'_, str> {
    if text.contains("://") { Cow::Borrowed(text) } else { Cow::Owned(format!("http://{text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_a_numeric_address_or_a_name() {
        assert_eq!(socket("127.0.0.1:9002").unwrap().to_string(), "127.0.0.1:9002");
        assert_eq!(socket("localhost:9002").unwrap().port(), 9002);
        assert!(socket("localhost:9002").unwrap().ip().is_loopback());
        for wrong in ["", "localhost", "9002", "localhost:", "localhost:99999"] {
            assert!(socket(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_scheme_is_optional() {
        assert_eq!(url("localhost:9002"), "http://localhost:9002");
        assert_eq!(url("https://example.com/api"), "https://example.com/api");
    }
}
