//! The allowlist of source addresses. It is a filter and no authentication: the platform's addresses belong to a cloud.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Source addresses that callbacks are accepted from.
#[derive(Debug, Clone)]
pub enum AllowedAddresses {
    /// Any address.
    Any,
    /// These networks.
    Networks(Vec<IpNet>),
}

impl AllowedAddresses {
    /// Whether callbacks are accepted from this address. An unknown address is accepted only if any is.
    #[must_use]
    pub fn contains(&self, source: Option<IpAddr>) -> bool {
        match (self, source) {
            (Self::Any, _) => true,
            (Self::Networks(networks), Some(source)) => networks.iter().any(|network| network.contains(&source)),
            (Self::Networks(_), None) => false,
        }
    }
}

impl FromStr for AllowedAddresses {
    type Err = String;

    /// `any`, or addresses and CIDR ranges separated by commas (`137.117.33.109,168.62.173.0/24`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == "any" {
            return Ok(Self::Any);
        }
        let network = |text: &str| text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        text.split(',')
            .map(str::trim)
            .map(|text| network(text).map_err(|_| format!("\"{text}\" is neither an address nor a CIDR range")))
            .collect::<Result<_, _>>()
            .map(Self::Networks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_addresses_and_ranges_are_allowed() {
        let allowed: AllowedAddresses = "137.117.33.109, 168.62.173.0/24".parse().unwrap();
        let contains = |address: &str| allowed.contains(Some(address.parse().unwrap()));
        assert!(contains("137.117.33.109") && contains("168.62.173.7"));
        assert!(!contains("137.117.33.110") && !contains("::1"));
        assert!(!allowed.contains(None));
        assert!("any".parse::<AllowedAddresses>().unwrap().contains(None));
    }
}
