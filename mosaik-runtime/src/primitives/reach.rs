//! How far a node looks for others. Nothing leaves the machine until the user says so.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How far a node looks for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// This machine: loopback sockets and the rendezvous directory.
    #[default]
    Host,
    /// The local network: the machine's addresses, and multicast DNS.
    Lan,
    /// Everywhere: relays and the DHT as well.
    Internet,
}

impl Reach {
    /// All values, from near to far.
    pub const ALL: [Self; 3] = [Self::Host, Self::Lan, Self::Internet];

    /// The word of the command line and of attributes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Lan => "lan",
            Self::Internet => "internet",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a reach: use `host`, `lan` or `internet`")]
pub struct NotAReach(String);

impl FromStr for Reach {
    type Err = NotAReach;

    fn from_str(text: &str) -> Result<Self, NotAReach> {
        let found = Self::ALL.into_iter().find(|reach| reach.as_str() == text);
        found.ok_or_else(|| NotAReach(text.to_owned()))
    }
}
