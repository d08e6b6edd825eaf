//! Bytes that a session keeps: short ones in place, so that most replies need no allocation.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many bytes are short.
const SHORT: usize = 22;

/// Some bytes. They are encoded as `Bytes` are.
#[derive(Clone)]
pub(super) struct Kept(Place);

#[derive(Clone)]
enum Place {
    Short(u8, [u8; SHORT]),
    Long(Box<[u8]>),
}

impl Kept {
    /// A copy of these.
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        Self(match short.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Place::Short(u8::try_from(bytes.len()).unwrap_or_default(), short)
            }
            None => Place::Long(bytes.into()),
        })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Place::Short(length, bytes) => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Place::Long(bytes) => bytes,
        }
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Kept {}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_slice())
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Bytes::deserialize(deserializer).map(|bytes| Self::new(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::codec;

    #[test]
    fn f21_short_and_long_bytes_are_encoded_as_bytes() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let kept = Kept::new(&bytes);
            assert_eq!(kept.as_slice(), bytes);
            let encoded = codec::encode(&kept).expect("encodes");
            assert_eq!(encoded, codec::encode(&Bytes::from(bytes)).expect("encodes"));
            assert_eq!(codec::decode::<Kept>(&encoded), Ok(kept));
        }
        assert_eq!(size_of::<Kept>(), 24);
    }
}
