//! The addresses that callbacks may come from. A filter, and no authentication: they are a cloud's addresses.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A set of addresses and networks, or any address.
#[derive(Debug, Clone)]
pub enum AllowedAddresses {
    /// No filter.
    Any,
    /// Only these.
    These(Vec<IpNet>),
}

impl AllowedAddresses {
    /// Whether callbacks may come from here. An unknown source is only taken where any is.
    #[must_use]
    pub fn contains(&self, source: Option<IpAddr>) -> bool {
        match (self, source) {
            (Self::Any, _) => true,
            (Self::These(networks), Some(source)) => networks.iter().any(|network| network.contains(&source)),
            (Self::These(_), None) => false,
        }
    }
}

impl FromStr for AllowedAddresses {
    type Err = String;

    /// `any`, or addresses and networks with commas between (`137.117.33.109,168.62.173.0/24`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "any" {
            return Ok(Self::Any);
        }
        let network = |text: &str| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        text.split(',')
            .map(str::trim)
            .map(|one| network(one).map_err(|_| format!("\"{one}\" is neither an address nor a network")))
            .collect::<Result<_, _>>()
            .map(Self::These)
    }
}
