//! The codec of everything that travels: postcard, decoded to its exact end.
//!
//! A remainder is an error: it means that the two sides disagree about the type. Items are encoded into a caller's buffer
//! under a limit, never into a vector of their own.

mod depth;

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
    postcard::to_stdvec(value).map_err(|error| EncodeError::Refused(error.to_string()))
}

/// Encodes into `buffer`, which is never grown; returns how many bytes were written.
pub fn encode_to_slice<T: Serialize + ?Sized>(value: &T, buffer: &mut [u8]) -> Result<usize, EncodeError> {
    let limit = buffer.len();
    match postcard::to_slice(value, buffer) {
        Ok(written) => Ok(written.len()),
        Err(postcard::Error::SerializeBufferFull) => Err(EncodeError::TooLarge { limit }),
        Err(error) => Err(EncodeError::Refused(error.to_string())),
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

/// Decodes like [`decode`], for a type that contains itself: nesting beyond [`DEPTH_LIMIT`] is an error.
pub fn decode_deep<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut from = postcard::Deserializer::from_bytes(bytes);
    finish(T::deserialize(depth::Deep::new(&mut from)), from)
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
        assert!(matches!(decode::<(u32, String)>(&bytes[..3]), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_full_buffer_is_an_error_that_names_the_limit() {
        let mut buffer = [0; 4];
        assert_eq!(encode_to_slice(&"four", &mut buffer), Err(EncodeError::TooLarge { limit: 4 }));
        assert_eq!(encode_to_slice(&"abc", &mut buffer), Ok(4));
    }
}
