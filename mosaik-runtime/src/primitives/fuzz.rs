//! Inputs of fuzz targets, taken apart; and the target of the codec. For tests and fuzzers only.

use super::{
    codec,
    schema::{self, Shape},
};

/// A fuzz target: a function that must not panic, whatever the bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder of inputs.
    pub name: &'static str,
    /// Looks at one input.
    pub run: fn(&[u8]),
    /// Inputs to begin with, made of real messages.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Bytes of which a target takes what it needs.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One byte; 0 at the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number: small ones and those at the ends of the range are as likely as others.
    pub(crate) fn number(&mut self) -> u64 {
        let (kind, low) = (self.byte(), u64::from(self.byte()));
        match kind % 8 {
            0..=2 => low,
            3 => u64::MAX - low,
            4 => (1 << 32) - 128 + low,
            5 => (1 << 40) - 128 + low,
            6 => (1 << 48) - 128 + low,
            _ => low << (self.byte() % 64),
        }
    }

    /// Bytes with their length (two bytes, little-endian) before them; `None` at the end.
    pub(crate) fn piece(&mut self) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(2)?;
        let length = usize::from(u16::from_le_bytes([head[0], head[1]])).min(rest.len());
        let (piece, rest) = rest.split_at(length);
        self.0 = rest;
        Some(piece)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An input of pieces.
pub(crate) fn pack(pieces: &[Vec<u8>]) -> Vec<u8> {
    let piece = |piece: &Vec<u8>| {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        [&length.to_le_bytes()[..], &piece[..usize::from(length)]].concat()
    };
    pieces.iter().flat_map(piece).collect()
}

/// The bytes of a message.
pub(crate) fn bytes<T: serde::Serialize>(message: &T) -> Vec<u8> {
    codec::encode(message).unwrap_or_default()
}

/// Decodes, and holds the codec to its word: what was decoded is encoded to something that decodes to the same.
pub(crate) fn round_trip<T>(bytes: &[u8]) -> Option<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T = codec::decode(bytes).ok()?;
    let again = codec::encode(&value).map(|bytes| codec::decode::<T>(&bytes));
    assert!(matches!(again, Ok(Ok(again)) if again == value), "{value:?} does not round-trip");
    Some(value)
}

/// Shapes: types that contain themselves, nested as deep as a peer likes.
pub(crate) const SHAPES: Target = Target {
    name: "shapes",
    run: |bytes| {
        let Ok(shape) = codec::decode_deep::<Shape>(bytes) else { return };
        let ours = schema::of::<(String, Option<Vec<u8>>)>();
        let differs = shape.fingerprint() != ours.fingerprint();
        assert_eq!(schema::difference(&ours, &shape).is_some(), differs);
        assert_eq!(schema::difference(&shape, &ours).is_some(), differs);
        let _ = (shape.name(), shape.is_recursive(), shape.has_weightless_elements());
        assert_eq!(schema::difference(&shape, &shape), None);
    },
    seeds: || {
        let shapes = [
            schema::of::<u8>(),
            schema::of::<(String, Option<Vec<u8>>)>(),
            schema::of::<Result<[u64; 4], String>>(),
        ];
        let deep = [vec![2; 200], vec![0, 2, b'u', b'8']].concat();
        shapes.iter().map(bytes).chain([deep]).collect()
    },
};
