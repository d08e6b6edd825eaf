//! What a protocol is to the transport: a name, a major version and a frame limit.

use std::{fmt, time::Duration};

/// A protocol of links. Its ALPN is `/mosaik/<NAME>/<MAJOR>`.
pub trait Protocol: Send + Sync + 'static {
    /// The protocol's word: one lower-case word.
    const NAME: &'static str;
    /// Two majors do not speak with each other.
    const MAJOR: u16;
    /// The largest frame that either side accepts, in bytes, without the length prefix.
    const MAX_FRAME: usize;
    /// A connection without links closes after this, or after the transport's own limit if that is shorter. Choose it by how
    /// soon a peer is likely to be asked again: an open connection is kept alive, and takes about 100 KB on each side.
    const LINGER: Duration = Duration::from_secs(60);
}

/// A protocol's name and major version as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProtocolId {
    /// The protocol's word.
    pub name: &'static str,
    /// Its major version.
    pub major: u16,
    /// How long a connection without links stays.
    pub linger: Duration,
}

impl ProtocolId {
    /// Sorts before all others.
    pub(super) const FIRST: Self = Self { name: "", major: 0, linger: Duration::ZERO };

    /// The value of a protocol type.
    pub const fn of<P: Protocol>() -> Self {
        Self { name: P::NAME, major: P::MAJOR, linger: P::LINGER }
    }

    /// The bytes that TLS negotiates.
    pub fn alpn(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for ProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/mosaik/{}/{}", self.name, self.major)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gossip;

    impl Protocol for Gossip {
        const NAME: &'static str = "gossip";
        const MAJOR: u16 = 1;
        const MAX_FRAME: usize = 4096;
    }

    #[test]
    fn the_alpn_is_stable() {
        assert_eq!(ProtocolId::of::<Gossip>().alpn(), b"/mosaik/gossip/1");
    }
}
