//! Where a node can be reached, and how far that is.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::primitives::{PeerId, Reach};

/// One way to a node, with its scope: addresses out of a node's reach are not dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// How far away this address still means the same node.
    pub scope: Reach,
    /// The place itself.
    pub place: Place,
}

/// A place on some network. The order is the wire's: variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// An IP address and UDP port.
    Ip(SocketAddr),
    /// The URL of a relay.
    Relay(String),
    /// A port of the simulated network.
    Sim(u32),
}

impl Address {
    /// An IP address with the scope that its range implies.
    pub fn ip(address: SocketAddr) -> Self {
        Self { scope: scope_of(address.ip()), place: Place::Ip(address) }
    }

    /// The URL of a relay.
    pub fn relay(url: impl Into<String>) -> Self {
        Self { scope: Reach::Internet, place: Place::Relay(url.into()) }
    }

    /// How far a node must look to dial it. What the peer says counts, but nobody can make a node leave its machine that
    /// was told to stay in it.
    pub fn needs(&self) -> Reach {
        match &self.place {
            Place::Ip(ip) => self.scope.max(scope_of(ip.ip()).min(Reach::Lan)),
            Place::Relay(_) => Reach::Internet,
            Place::Sim(_) => self.scope,
        }
    }

    /// A port of the simulated network.
    pub fn sim(port: u32) -> Self {
        Self { scope: Reach::Host, place: Place::Sim(port) }
    }
}

fn scope_of(ip: IpAddr) -> Reach {
    let (loopback, local) = match ip.to_canonical() {
        IpAddr::V4(ip) => (ip.is_loopback(), ip.is_private() || ip.is_link_local()),
        IpAddr::V6(ip) => (ip.is_loopback(), ip.is_unique_local() || ip.is_unicast_link_local()),
    };
    match (loopback, local) {
        (true, _) => Reach::Host,
        (false, true) => Reach::Lan,
        (false, false) => Reach::Internet,
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Ip(address) => write!(f, "{address}"),
            Place::Relay(url) => write!(f, "relay:{url}"),
            Place::Sim(port) => write!(f, "sim:{port}"),
        }
    }
}

/// The text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address: write `<ip>:<port>`")]
pub struct NotAnAddress(String);

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let bad = || NotAnAddress(text.to_owned());
        if let Some(url) = text.strip_prefix("relay:") {
            return Ok(Self::relay(url));
        }
        if let Some(port) = text.strip_prefix("sim:") {
            return port.parse().map(Self::sim).map_err(|_| bad());
        }
        text.parse().map(Self::ip).map_err(|_| bad())
    }
}

/// A peer and where it is: `<peer id>@<ip:port>[,<ip:port>…]`, or `<peer id>` alone when its address has to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerAddr {
    /// Who.
    pub id: PeerId,
    /// Where; none when that has to be looked up.
    pub addresses: Vec<Address>,
}

impl PeerAddr {
    /// The peer as somebody gave it by hand: an IP address that was given needs no lookup, so reach `lan` is enough for it.
    #[must_use]
    pub fn given(mut self) -> Self {
        for address in &mut self.addresses {
            if let Place::Ip(_) = address.place {
                address.scope = address.scope.min(Reach::Lan);
            }
        }
        self
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id)?;
        for (at, address) in self.addresses.iter().enumerate() {
            write!(f, "{}{address}", if at == 0 { "@" } else { "," })?;
        }
        Ok(())
    }
}

/// The text is not a peer's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a peer's address: write `<peer id>@<ip>:<port>`, as the peer prints it, or its `<peer id>` alone"
)]
pub struct NotAPeerAddr(String);

impl FromStr for PeerAddr {
    type Err = NotAPeerAddr;

    fn from_str(text: &str) -> Result<Self, NotAPeerAddr> {
        let bad = || NotAPeerAddr(text.to_owned());
        let Some((id, addresses)) = text.split_once('@') else {
            return Ok(Self { id: text.parse().map_err(|_| bad())?, addresses: Vec::new() });
        };
        let id = id.parse().map_err(|_| bad())?;
        let addresses: Result<_, _> = addresses.split(',').map(str::parse).collect();
        Ok(Self { id, addresses: addresses.map_err(|_| bad())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_an_ip_address_is_its_scope() {
        let scope = |text: &str| text.parse::<Address>().map(|address| address.scope);
        assert_eq!(scope("127.0.0.1:80"), Ok(Reach::Host));
        assert_eq!(scope("[::1]:80"), Ok(Reach::Host));
        assert_eq!(scope("192.168.1.7:80"), Ok(Reach::Lan));
        assert_eq!(scope("[fe80::1]:80"), Ok(Reach::Lan));
        assert_eq!(scope("[::ffff:127.0.0.1]:80"), Ok(Reach::Host));
        assert_eq!(scope("203.0.113.9:80"), Ok(Reach::Internet));
        assert!(scope("example.org:80").is_err());
    }

    #[test]
    fn a_peers_address_round_trips_as_text() {
        let id = PeerId::from_bytes([7; 32]);
        let text = format!("{id}@127.0.0.1:4000,sim:3,relay:https://relay.example/");
        let parsed: PeerAddr = text.parse().expect("it parses");
        assert_eq!((parsed.addresses.len(), parsed.to_string()), (3, text));
        let alone: PeerAddr = id.to_string().parse().expect("an id is enough");
        assert_eq!((alone.addresses.len(), alone.to_string()), (0, id.to_string()));
        for bad in [format!("{id}@"), "x@127.0.0.1:1".to_owned(), "x".to_owned()] {
            assert!(bad.parse::<PeerAddr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_that_was_given_needs_reach_lan_and_one_of_the_machine_needs_none() {
        let text = format!("{}@203.0.113.9:80,127.0.0.1:80,relay:https://r/", PeerId::from_bytes([7; 32]));
        let peer: PeerAddr = text.parse().expect("it parses");
        let needs = |peer: PeerAddr| peer.addresses.iter().map(Address::needs).collect::<Vec<_>>();
        assert_eq!(needs(peer.clone()), [Reach::Internet, Reach::Host, Reach::Internet]);
        assert_eq!(needs(peer.given()), [Reach::Lan, Reach::Host, Reach::Internet]);
    }

    #[test]
    fn nobody_can_call_an_address_of_another_machine_near() {
        let far: Address = "192.168.1.7:80".parse().expect("an address");
        assert_eq!(Address { scope: Reach::Host, ..far }.needs(), Reach::Lan);
        assert_eq!(Address { scope: Reach::Host, ..Address::relay("https://r/") }.needs(), Reach::Internet);
    }
}
