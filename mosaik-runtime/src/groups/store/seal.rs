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
    let mut bytes = Vec::new();
    seal_onto(place, value, &mut bytes)?;
    Ok(bytes)
}

/// Appends a record to a buffer, which is as before on an error.
pub(super) fn seal_onto<T: Serialize>(
    place: Place<'_>,
    value: &T,
    buffer: &mut Vec<u8>,
) -> Result<(), codec::EncodeError> {
    let before = buffer.len();
    codec::encode_into(&Versioned::V1(value), buffer)?;
    let sum = checksum(place, buffer.get(before..).unwrap_or_default());
    buffer.extend_from_slice(&sum);
    Ok(())
}

/// A record in room of a fixed size, which is written in place: its length and its bytes, the rest is zero.
pub(super) fn seal_within<T: Serialize, const ROOM: usize>(
    place: Place<'_>,
    value: &T,
) -> Result<[u8; ROOM], codec::EncodeError> {
    let sealed = seal(place, value)?;
    let mut bytes = [0; ROOM];
    let too_large = codec::EncodeError::TooLarge { limit: ROOM.saturating_sub(1) };
    let (Some((length, room)), Ok(found)) = (bytes.split_first_mut(), u8::try_from(sealed.len())) else {
        return Err(too_large);
    };
    room.get_mut(..sealed.len()).ok_or(too_large)?.copy_from_slice(&sealed);
    *length = found;
    Ok(bytes)
}

/// The value of a record, or what is wrong with it.
pub(super) fn open<T: DeserializeOwned>(place: Place<'_>, bytes: &[u8]) -> Result<T, String> {
    let body = verify(place, bytes)?;
    match codec::decode(body) {
        Ok(Versioned::V1(value)) => Ok(value),
        Err(error) => Err(format!("a record of `{}` {error}", place.table)),
    }
}

/// The value of a record that was sealed within fixed room.
pub(super) fn open_within<T: DeserializeOwned>(place: Place<'_>, bytes: &[u8]) -> Result<T, String> {
    let (length, rest) = bytes.split_first().unwrap_or((&0, &[]));
    open(place, rest.get(..usize::from(*length)).unwrap_or_default())
}

/// What of a record is its value's, if the record is what was sealed and where it belongs.
pub(super) fn verify<'a>(place: Place<'_>, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let wrong = |what: &str| format!("a record of `{}` {what}", place.table);
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>().ok_or_else(|| wrong("is cut off"))?;
    match checksum(place, body) == *sum {
        true => Ok(body),
        false => Err(wrong("does not match its checksum")),
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
