//! The codec of everything that travels: postcard, decoded to its exact end.
//!
//! A remainder is an error: it means that the two sides disagree about the type. Items are encoded into a caller's buffer
//! under a limit, never into a vector of their own.

mod depth;
mod descent;
pub mod shared;

use std::cell::Cell;

use bytes::{Bytes, BytesMut};
use postcard::ser_flavors::{Flavor, Size};
use serde::{Serialize, de::DeserializeOwned};

pub use depth::LIMIT as DEPTH_LIMIT;

/// The value could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The encoded value is over the limit; nothing was kept of it.
    #[error("the encoded value is larger than {limit} bytes: raise the limit or send it in parts")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The type's own `Serialize` refused.
    #[error("the value cannot be encoded: {0}")]
    Refused(String),
}

/// The bytes are not a value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not parse.
    #[error("the bytes do not decode: {0}")]
    Malformed(String),
    /// The bytes go on after the value.
    #[error("{0} bytes are left over after the value: the two sides disagree about its type")]
    Remainder(usize),
}

/// Encodes into a new vector.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    encode_into(value, &mut bytes)?;
    Ok(bytes)
}

/// Appends to `buffer`. On an error it is as before.
pub fn encode_into<T: Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = buffer.len();
    postcard::serialize_with_flavor(value, Growing(buffer)).map_err(|error| {
        buffer.truncate(before);
        EncodeError::Refused(error.to_string())
    })
}

/// Appends like [`encode_into`], for a type that contains itself: nesting beyond [`DEPTH_LIMIT`] is an error, as it is when the value
/// is decoded.
pub fn encode_deep_into<T: Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = buffer.len();
    serialize_deep(value, Growing(buffer)).inspect_err(|_| buffer.truncate(before))
}

/// How many bytes [`encode_deep_into`] would append.
pub fn encoded_size_deep<T: Serialize + ?Sized>(value: &T) -> Result<usize, EncodeError> {
    serialize_deep(value, Size::default())
}

fn serialize_deep<T: Serialize + ?Sized, F: Flavor>(value: &T, output: F) -> Result<F::Output, EncodeError> {
    let (mut serializer, over) = (postcard::Serializer { output }, Cell::new(false));
    let encoded = value.serialize(descent::Descent::new(&mut serializer, &over));
    encoded.and_then(|()| serializer.output.finalize()).map_err(|error| match over.get() {
        true => EncodeError::Refused(format!("the value nests deeper than {DEPTH_LIMIT} levels")),
        false => EncodeError::Refused(error.to_string()),
    })
}

/// How many bytes a number of 64 bits has at most.
const NUMBER: usize = 10;

/// Writes at the end of a vector.
struct Growing<'a>(&'a mut Vec<u8>);

impl Flavor for Growing<'_> {
    type Output = ();

    #[inline(always)]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > NUMBER {
            self.0.extend_from_slice(data);
            return Ok(());
        }
        // Mostly the few bytes of a number: to call for a copy of them takes longer than to write them.
        self.0.reserve(data.len());
        for byte in data {
            self.0.push(*byte);
        }
        Ok(())
    }

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Appends to `buffer` within its capacity, which is never grown; returns the size of the encoded value, at most `limit`. Large
/// [shared] fields are left out and put into `pieces`, each with the length of `buffer` at which it belongs. On an error both are
/// as before.
pub fn encode_onto<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut BytesMut,
    limit: usize,
    pieces: &mut Vec<(usize, Bytes)>,
) -> Result<usize, EncodeError> {
    let before = (buffer.len(), pieces.len());
    let encoded = postcard::serialize_with_flavor(value, Appending { buffer, left: limit, pieces });
    encoded.map(|left| limit - left).map_err(|error| {
        buffer.truncate(before.0);
        pieces.truncate(before.1);
        match error {
            postcard::Error::SerializeBufferFull => EncodeError::TooLarge { limit },
            error => EncodeError::Refused(error.to_string()),
        }
    })
}

/// Writes at the end of a buffer; says at last how much of the limit is left.
struct Appending<'a> {
    buffer: &'a mut BytesMut,
    left: usize,
    pieces: &'a mut Vec<(usize, Bytes)>,
}

impl Flavor for Appending<'_> {
    type Output = usize;

    #[inline(always)]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.left = self.left.checked_sub(data.len()).ok_or(postcard::Error::SerializeBufferFull)?;
        if data.len() >= shared::SHARED_FROM
            && let Some(piece) = shared::offered(data)
        {
            self.pieces.push((self.buffer.len(), piece));
            return Ok(());
        }
        if self.buffer.capacity() - self.buffer.len() < data.len() {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    #[inline(always)]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.left)
    }
}

/// How many bytes the encoded value has.
pub fn encoded_size<T: Serialize + ?Sized>(value: &T) -> Result<usize, EncodeError> {
    postcard::experimental::serialized_size(value).map_err(|error| EncodeError::Refused(error.to_string()))
}

/// Decodes a value that takes up all of `bytes`. For types that do not contain themselves.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    finish(T::deserialize(&mut from), from)
}

/// Decodes a value at the beginning of `bytes`, whatever follows. For types that do not contain themselves.
pub fn decode_front<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    T::deserialize(&mut from).map_err(|error| DecodeError::Malformed(error.to_string()))
}

/// Decodes like [`decode`], for a type that contains itself: nesting beyond [`DEPTH_LIMIT`] is an error.
pub fn decode_deep<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    finish(T::deserialize(depth::Deep::new(&mut from)), from)
}

/// Decodes like [`decode_deep`], where so many levels of [`DEPTH_LIMIT`] are for what the value will be put into.
pub fn decode_shallower<T: DeserializeOwned>(bytes: &[u8], levels: usize) -> Result<T, DecodeError> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    finish(T::deserialize(depth::Deep::within(&mut from, DEPTH_LIMIT.saturating_sub(levels))), from)
}

type Source<'de> = postcard::Deserializer<'de, postcard::de_flavors::Slice<'de>>;

fn finish<T>(decoded: Result<T, postcard::Error>, from: Source<'_>) -> Result<T, DecodeError> {
    let value = decoded.map_err(|error| DecodeError::Malformed(error.to_string()))?;
    let rest = from.finalize().map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::Remainder(rest.len())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_takes_all_bytes_or_fails() {
        let bytes = encode(&(7u32, "seven")).expect("encodes");
        assert_eq!(decode::<(u32, String)>(&bytes), Ok((7, "seven".to_owned())));
        assert_eq!(decode::<u32>(&bytes), Err(DecodeError::Remainder(6)));
        assert_eq!(decode_front::<u32>(&bytes), Ok(7));
        assert!(matches!(decode::<(u32, String)>(&bytes[..3]), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn what_is_appended_is_what_postcard_writes() {
        let numbers = (0..64).map(|bit| 1_u64 << bit).chain([0, u64::MAX]);
        let texts = [0, NUMBER - 1, NUMBER, NUMBER + 1, 300].map(|length| "x".repeat(length));
        for value in numbers.map(|number| (number, i128::from(number), texts.clone())) {
            let (mut bytes, written) = (vec![9], postcard::to_stdvec(&value).expect("encodes"));
            encode_into(&value, &mut bytes).expect("encodes");
            assert_eq!((bytes[0], &bytes[1..]), (9, &written[..]));
            assert_eq!(encode(&value), Ok(written));
        }
    }

    #[test]
    fn a_full_buffer_is_an_error_and_leaves_it_as_it_was() {
        let (mut buffer, mut none) = (BytesMut::with_capacity(16), Vec::new());
        let room = buffer.capacity();
        let mut encode = |value: &str, limit| encode_onto(value, &mut buffer, limit, &mut none);
        assert_eq!(encode("four", 4), Err(EncodeError::TooLarge { limit: 4 }));
        assert_eq!(encode("abc", 4), Ok(4));
        assert_eq!(encode(&"x".repeat(room), 400), Err(EncodeError::TooLarge { limit: 400 }));
        assert_eq!((&buffer[..], buffer.capacity()), (&b"\x03abc"[..], room));
    }
}
