//! Where a node looks for others beyond its own machine, and what it hears from there.
//!
//! Each source may be absent: none is waited for at the start, one that fails says so and is tried again. What a source
//! brings is a rumour. Who really answers at an address is proved by TLS, and that it is of the network by its `Hello`.

use std::{fmt, str::FromStr};

use tokio::sync::mpsc;

use crate::primitives::PeerId;

use super::address::Address;

/// News that may wait for whoever reads them. Without room news are dropped: what matters is said again.
const NEWS: usize = 256;
/// The most servers of one kind.
const MOST_SERVERS: usize = 16;

/// A place where nodes are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Multicast DNS on the local network.
    Mdns,
    /// Relays, which carry packets between nodes without a direct path.
    Relay,
    /// The Mainline DHT, which holds signed records of where peers are.
    Dht,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mdns => "mDNS",
            Self::Relay => "relay",
            Self::Dht => "DHT",
        })
    }
}

/// Which servers to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Servers {
    /// The public ones.
    #[default]
    Public,
    /// None.
    Off,
    /// These.
    Own(Vec<String>),
}

impl Servers {
    /// No server at all.
    pub fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// The text is not the URL of a relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the URL of a relay: write `https://<host>`, or `http://<ip>:<port>` for one without TLS"
)]
pub struct NotARelay(String);

/// The text is not a node of the DHT.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a node of the DHT: write `<host>:<port>`")]
pub struct NotADhtNode(String);

/// The URL of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayUrl(String);

/// A node of the DHT to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhtNode(String);

impl FromStr for RelayUrl {
    type Err = NotARelay;

    fn from_str(text: &str) -> Result<Self, NotARelay> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let plain = text.chars().all(|letter| letter.is_ascii_graphic()) && !host.contains('@');
        if host.is_empty() || !plain || text.len() > 256 {
            return Err(NotARelay(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for DhtNode {
    type Err = NotADhtNode;

    fn from_str(text: &str) -> Result<Self, NotADhtNode> {
        let parts = text.rsplit_once(':');
        let fits = parts.is_some_and(|(host, port)| {
            let plain = host.chars().all(|letter| letter.is_ascii_graphic() && letter != ':');
            plain && !host.is_empty() && host.len() <= 253 && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(NotADhtNode(text.to_owned())) }
    }
}

impl From<RelayUrl> for String {
    fn from(url: RelayUrl) -> Self {
        url.0
    }
}

impl From<DhtNode> for String {
    fn from(node: DhtNode) -> Self {
        node.0
    }
}

/// Which sources to use, each within the reach that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// Multicast DNS, at reach `lan` and farther.
    pub mdns: bool,
    /// Relays, at reach `internet`.
    pub relays: Servers,
    /// Nodes of the DHT to begin with, at reach `internet`.
    pub dht: Servers,
}

impl Default for Sources {
    fn default() -> Self {
        Self { mdns: true, relays: Servers::Public, dht: Servers::Public }
    }
}

impl Sources {
    /// No source: a node that is told of every peer.
    pub fn none() -> Self {
        Self { mdns: false, relays: Servers::Off, dht: Servers::Off }
    }

    /// The same with a bounded number of servers.
    pub(super) fn bounded(mut self) -> Self {
        for servers in [&mut self.relays, &mut self.dht] {
            if let Servers::Own(list) = servers {
                list.truncate(MOST_SERVERS);
            }
        }
        self
    }
}

/// What a source tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A peer of this network says that it is here.
    Found {
        /// Who.
        peer: PeerId,
        /// Where.
        addresses: Vec<Address>,
    },
    /// The peer was not heard for a while.
    Gone {
        /// Who.
        peer: PeerId,
    },
    /// The source does not work; it is tried again.
    Trouble {
        /// Which.
        source: Source,
        /// Why, in words.
        why: String,
    },
    /// The source works again.
    Works {
        /// Which.
        source: Source,
    },
}

/// Where sources tell their news. Clones share it.
#[derive(Debug, Clone)]
pub struct Herald(mpsc::Sender<News>);

impl Herald {
    /// A herald, and the news.
    pub fn new() -> (Self, mpsc::Receiver<News>) {
        let (tell, news) = mpsc::channel(NEWS);
        (Self(tell), news)
    }

    #[cfg_attr(not(feature = "iroh"), allow(dead_code, reason = "the simulated network has no sources"))]
    pub(super) fn tell(&self, news: News) {
        let _ = self.0.try_send(news);
    }
}

/// Whether a source works, told once per change.
#[derive(Debug)]
#[cfg_attr(not(feature = "iroh"), allow(dead_code, reason = "the simulated network has no sources"))]
pub(super) struct Health {
    source: Source,
    herald: Herald,
    troubled: bool,
}

#[cfg_attr(not(feature = "iroh"), allow(dead_code, reason = "the simulated network has no sources"))]
impl Health {
    pub(super) fn new(source: Source, herald: &Herald) -> Self {
        Self { source, herald: herald.clone(), troubled: false }
    }

    pub(super) fn trouble(&mut self, why: impl fmt::Display) {
        if !std::mem::replace(&mut self.troubled, true) {
            self.herald.tell(News::Trouble { source: self.source, why: why.to_string() });
        }
    }

    pub(super) fn works(&mut self) {
        if std::mem::take(&mut self.troubled) {
            self.herald.tell(News::Works { source: self.source });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_as_urls_and_as_host_and_port() {
        for good in ["https://relay.example", "https://relay.example./", "http://10.0.0.9:3340"] {
            assert_eq!(good.parse::<RelayUrl>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "relay.example", "https://", "https:///x", "https://me@host", "ftp://x", "http://a b"]
        {
            assert!(bad.parse::<RelayUrl>().is_err(), "{bad}");
        }
        for good in ["router.example:6881", "10.0.0.9:6881"] {
            assert_eq!(good.parse::<DhtNode>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "router.example", ":6881", "x:0", "x:99999", "[::1]:6881", "a b:1"] {
            assert!(bad.parse::<DhtNode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn trouble_is_told_once_until_it_is_over() {
        let (herald, mut news) = Herald::new();
        let mut health = Health::new(Source::Relay, &herald);
        health.works();
        health.trouble("one");
        health.trouble("two");
        health.works();
        health.trouble("three");
        let trouble = |why: &str| News::Trouble { source: Source::Relay, why: why.to_owned() };
        let told: Vec<News> = std::iter::from_fn(|| news.try_recv().ok()).collect();
        assert_eq!(told, [trouble("one"), News::Works { source: Source::Relay }, trouble("three")]);
    }
}
