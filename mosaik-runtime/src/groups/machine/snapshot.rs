//! A snapshot as bytes: a header, the user's state, and the group's own. The form is a promise; a golden vector holds it.
//!
//! ```text
//! 0   format, u32 little-endian
//! 4   fingerprint of the machine's schema, 16 bytes
//! 20  length of the state, u64 little-endian
//! 28  the state, as its serde impl writes it with postcard
//!     the system: sessions, places, fence; postcard, to the end
//! ```
//!
//! It is made at an index that the log decides, of bytes that the state decides, so that all members make the same chunks.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::{
    StateMachine,
    core::System,
    earlier::{Origin, Stage},
};
use crate::primitives::{
    Fingerprint,
    canary::{self, Canary},
    codec,
    scope::panic_text,
};

/// The format that this build writes. It reads no other.
pub const FORMAT: u32 = 1;

/// Where the state begins.
const HEADER: usize = 28;

/// A snapshot could not be made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A newer version of this library made it.
    #[error(
        "the snapshot has format {found} and this program knows {FORMAT}: start the newer version of the program again"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// It is of a machine with another schema.
    #[error(
        "the snapshot was written by a program whose state or methods have another shape ({found} there, {own} here): start that \
         version of the program again, or move this node's data directory away to join as a new member"
    )]
    OtherSchema {
        /// Its schema.
        found: Fingerprint,
        /// The schema of this program.
        own: Fingerprint,
    },
    /// The older type of the machine has the same shape.
    #[error(
        "the state machine and the one before it (`from`) have the same shape, so nobody could tell their states apart: put \
         `schema = \"v2\"` on the newer one"
    )]
    SameSchema,
    /// The limits cannot be meant.
    #[error("the limits cannot be meant: {0}")]
    Limits(String),
    /// Its bytes are not a snapshot.
    #[error("the snapshot does not decode: {0}")]
    Damaged(String),
    /// The state cannot be written, or not be read back.
    #[error(
        "the state cannot be kept in a snapshot: {0}. The group goes on and its log grows; correct the `Serialize` and \
         `Deserialize` of the state"
    )]
    Refused(String),
}

impl From<SnapshotError> for std::io::Error {
    fn from(error: SnapshotError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// Writes the header and the state; the system comes behind it.
pub(super) fn state<M: StateMachine>(schema: Fingerprint, state: &M) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[4..20].copy_from_slice(&schema.0);
    catch_unwind(AssertUnwindSafe(|| codec::encode_deep_into(state, &mut bytes)))
        .unwrap_or_else(|panic| Err(codec::EncodeError::Refused(panic_text(&*panic).to_owned())))
        .map_err(|error| SnapshotError::Refused(error.to_string()))?;
    let length = bytes.len() - HEADER;
    bytes[20..HEADER].copy_from_slice(&(length as u64).to_le_bytes());
    Ok(bytes)
}

/// How many bytes [`state`] writes behind the header.
pub(super) fn size<M: StateMachine>(state: &M) -> Result<u64, SnapshotError> {
    catch_unwind(AssertUnwindSafe(|| state.encoded_size()))
        .unwrap_or_else(|panic| Err(codec::EncodeError::Refused(panic_text(&*panic).to_owned())))
        .map(|size| size as u64)
        .map_err(|error| SnapshotError::Refused(error.to_string()))
}

/// How many bytes the state has.
pub(super) fn length(bytes: &[u8]) -> u64 {
    bytes.len().saturating_sub(HEADER) as u64
}

/// Adds the system behind the state.
pub(super) fn finish(mut bytes: Vec<u8>, system: &System) -> Result<Bytes, SnapshotError> {
    let encoded = match canary::made(Canary::SessionsNotInSnapshot) {
        true => codec::encode_into(&system.without_sessions(), &mut bytes),
        false => codec::encode_into(system, &mut bytes),
    };
    encoded.map_err(|error| SnapshotError::Refused(error.to_string()))?;
    Ok(Bytes::from(bytes))
}

/// Reads a snapshot.
pub(super) fn open<M: StateMachine>(
    origin: &Origin<M>,
    bytes: &[u8],
) -> Result<(Stage<M>, System), SnapshotError> {
    let short = || SnapshotError::Damaged("it is too short".to_owned());
    let (format, rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let found = u32::from_le_bytes(*format);
    if found != FORMAT {
        return Err(SnapshotError::Newer { found });
    }
    let (schema, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
    let found = Fingerprint(*schema);
    if !origin.knows(found) {
        return Err(SnapshotError::OtherSchema { found, own: origin.schema });
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| short())?;
    let (state, system) = rest.split_at_checked(length).ok_or_else(short)?;
    let state = origin.open(found, state)?;
    let system: System = codec::decode(system).map_err(|error| SnapshotError::Damaged(error.to_string()))?;
    Ok((state, system.restored()))
}

/// The group's own part of a snapshot of whatever machine.
pub(super) fn system_of(bytes: &[u8]) -> Option<System> {
    let length = bytes.get(20..HEADER)?.try_into().map(u64::from_le_bytes).ok()?;
    let end = usize::try_from(length).ok()?.checked_add(HEADER)?;
    codec::decode(bytes.get(end..)?).ok()
}

/// Reads a state, whatever its `Deserialize` does.
pub(super) fn decode_state<M: StateMachine>(bytes: &[u8]) -> Result<M, String> {
    catch_unwind(|| codec::decode_deep(bytes).map_err(|error| error.to_string()))
        .unwrap_or_else(|panic| Err(panic_text(&*panic).to_owned()))
}

/// The state's part of a snapshot.
pub(super) fn state_of(bytes: &[u8]) -> &[u8] {
    bytes.get(HEADER..).unwrap_or_default()
}
