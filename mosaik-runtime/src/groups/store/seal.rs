//! Records as bytes: a version, the value, a checksum that also covers where the record belongs.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::primitives::codec;

const CHECKSUM: usize = 8;

/// Where a record belongs: its table and its key. A record that turns up elsewhere does not open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) table: &'static str,
    pub(super) key: &'a [u8],
}

#[derive(Serialize, Deserialize)]
enum Versioned<T> {
    V1(T),
}

/// The bytes of a record.
pub(super) fn seal<T: Serialize>(place: Place<'_>, value: &T) -> Result<Vec<u8>, codec::EncodeError> {
    let mut bytes = codec::encode(&Versioned::V1(value))?;
    let sum = checksum(place, &bytes);
    bytes.extend_from_slice(&sum);
    Ok(bytes)
}

/// The value of a record, or what is wrong with it.
pub(super) fn open<T: DeserializeOwned>(place: Place<'_>, bytes: &[u8]) -> Result<T, String> {
    let wrong = |what: &str| format!("a record of `{}` {what}", place.table);
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(|| wrong("is cut off"))?;
    if checksum(place, body) != *sum {
        return Err(wrong("does not match its checksum"));
    }
    match codec::decode(body) {
        Ok(Versioned::V1(value)) => Ok(value),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

fn checksum(place: Place<'_>, body: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    for part in [place.table.as_bytes(), place.key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(body);
    let mut sum = [0; CHECKSUM];
    hasher.finalize_xof().fill(&mut sum);
    sum
}
