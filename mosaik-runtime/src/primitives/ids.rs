//! Distinct id types with domain separation.
//!
//! A declared id is `blake3::derive_key("mosaik 1 <kind> id", intent)`. Two kinds with one intent have
//! different ids, and a `StreamId` cannot be passed for a `GroupId`. What travels is the *wire id*: the declared
//! id bound to the network. The derivation is a promise; golden vectors hold it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Derives the 32 bytes of an id of `kind` from an intent.
///
/// `kind` is one of `network`, `stream`, `group`, `collection`, `service`.
pub fn derive(kind: &str, intent: &str) -> [u8; 32] {
    blake3::derive_key(&format!("mosaik 1 {kind} id"), intent.as_bytes())
}

/// Writes bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Reads exactly `N` bytes of hex; `None` when a digit or the length is wrong.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (slot, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *slot = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Reads any number of bytes of hex, in digits of either case; `None` when there are none, half of one, or something else.
pub(crate) fn bytes_from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
    Some(digits.chunks(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// An id from its bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes of this id.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first ten hex digits, for logs.
            pub fn short(&self) -> String {
                hex(&self.0[..5])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                from_hex(text).map(Self).ok_or(ParseIdError)
            }
        }
    };
}

/// The text is not an id: ids are 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: an id is 64 hex digits")]
pub struct ParseIdError;

id!(
    /// A node: its Ed25519 public key.
    PeerId
);
id!(
    /// A network: derived from its name.
    NetworkId
);
id!(
    /// A stream, as declared.
    StreamId
);
id!(
    /// A group, as declared.
    GroupId
);
id!(
    /// A collection, as declared.
    CollectionId
);
id!(
    /// A service, as declared.
    ServiceId
);
id!(
    /// A declared id bound to one network; the only kind of item id that travels.
    WireId
);

macro_rules! declared {
    ($name:ident, $kind:literal) => {
        impl $name {
            /// The id that every node derives from this intent.
            pub fn derive(intent: &str) -> Self {
                Self(derive($kind, intent))
            }

            /// This id on the wire of one network.
            pub fn on(&self, network: &NetworkId) -> WireId {
                WireId::bind(network, $kind, &self.0)
            }
        }
    };
}

declared!(StreamId, "stream");
declared!(GroupId, "group");
declared!(CollectionId, "collection");
declared!(ServiceId, "service");

impl NetworkId {
    /// The id of the network with this name.
    pub fn derive(name: &str) -> Self {
        Self(derive("network", name))
    }
}

impl WireId {
    fn bind(network: &NetworkId, kind: &str, declared: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 wire id");
        hasher.update(network.as_bytes());
        hasher.update(&[kind.len() as u8]);
        hasher.update(kind.as_bytes());
        hasher.update(declared);
        Self(*hasher.finalize().as_bytes())
    }
}

/// One process's life under a key: random, compared for equality only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BootId(pub u128);

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({:08x})", self.0 >> 96)
    }
}

/// The version of a peer's entry: incarnation first, then counter. Never a clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Raised by one at each start of the node that keeps a data directory.
    pub incarnation: u64,
    /// Raised by one at each change of the entry.
    pub counter: u64,
}

impl Version {
    /// The version after this one in the same incarnation.
    pub fn next(self) -> Self {
        Self { counter: self.counter.saturating_add(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These values are a promise: every node derives them.
    const GOLDEN: [&str; 6] = [
        "e6bc18fd1dc304e3edc219c853234f47286d06466390905287866f46554bc35a",
        "fd0cc6e36469265134c14335d8599963d2d0a7c00db4f84f84896127564db775",
        "5ebeb7e59465d14d2924b639611f2047a3beb8822e10930c1b49a00817b36641",
        "8339126a920401ffcaff5bdea4ae4e62f3bb7b9627bfa1a4cb03e1d4efcded00",
        "3b714c10d67dcf5cc03dbaaef34d04d79d669227208ebeeb11557bde00b0db50",
        "fa907702e60429c4dd9118e36ae46bf5d1099ac3d32678b2b90fb90f2604b8c6",
    ];

    #[test]
    fn ld12_ids_are_stable_and_each_kind_has_its_own() {
        let network = NetworkId::derive("fleet");
        let found = [
            network.to_string(),
            StreamId::derive("host.load").to_string(),
            GroupId::derive("host.load").to_string(),
            CollectionId::derive("host.load").to_string(),
            ServiceId::derive("host.load").to_string(),
            StreamId::derive("host.load").on(&network).to_string(),
        ];
        assert_eq!(found, GOLDEN.map(str::to_owned));
    }

    #[test]
    fn ld12_ids_of_one_intent_differ_by_kind_and_network() {
        let stream = StreamId::derive("host.load");
        assert_ne!(stream.as_bytes(), GroupId::derive("host.load").as_bytes());
        assert_ne!(stream.on(&NetworkId::derive("a")), stream.on(&NetworkId::derive("b")));
    }

    #[test]
    fn hex_round_trips_and_refuses_what_is_not_hex() {
        let id = StreamId::derive("host.load");
        assert_eq!(id.to_string().parse::<StreamId>(), Ok(id));
        assert!("zz".parse::<StreamId>().is_err());
        assert!(from_hex::<2>("+1+2").is_none());
        assert!(from_hex::<1>("é").is_none());
    }
}
