//! The frames of the admission handshake: one question, one answer.
//!
//! Versions are enum variants, appended; unknown extensions are kept out of the decision.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::primitives::{Fingerprint, PeerRole, WireId, codec, schema::Shape};

/// The largest encoded shape that travels; a larger one is left out, and only the fingerprint decides.
pub(super) const MAX_SHAPE: usize = 16 * 1024;

/// The question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AskFrame {
    V1(AskV1),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AskV1 {
    /// The item.
    pub(super) item: WireId,
    /// What the asker will be.
    pub(super) role: PeerRole,
    /// The schemas that the asker can speak, best first.
    pub(super) schemas: Vec<Fingerprint>,
    /// The shape of the first schema, for the sentence about what differs; may be empty.
    pub(super) shape: Bytes,
    /// Room for proofs and what else will come.
    pub(super) extensions: Vec<(u16, Bytes)>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AnswerFrame {
    /// Admitted, to speak this schema.
    Admitted { schema: Fingerprint, extensions: Vec<(u16, Bytes)> },
    /// Refused.
    Refused { refusal: Refusal, extensions: Vec<(u16, Bytes)> },
}

/// A shape as it travels; empty when it is too large.
pub(super) fn pack(shape: &Shape) -> Bytes {
    match codec::encode(shape) {
        Ok(bytes) if bytes.len() <= MAX_SHAPE => bytes.into(),
        _ => Bytes::new(),
    }
}

/// Reads a shape from a peer; `None` when it sent none or sent nonsense.
pub(super) fn unpack(bytes: &[u8]) -> Option<Shape> {
    if bytes.len() > MAX_SHAPE {
        return None;
    }
    codec::decode_deep(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{ids::hex, schema};

    #[test]
    fn the_question_has_golden_bytes() {
        let ask = AskFrame::V1(AskV1 {
            item: WireId::from_bytes([7; 32]),
            role: PeerRole::Consumes,
            schemas: vec![Fingerprint([9; 16])],
            shape: pack(&schema::of::<u8>()),
            extensions: vec![(1, Bytes::from_static(b"x"))],
        });
        let expected =
            ["00", &"07".repeat(32), "01", "01", &"09".repeat(16), "0400027538", "01010178"].concat();
        assert_eq!(hex(&codec::encode(&ask).expect("encodes")), expected);
    }

    #[test]
    fn hostile_shapes_are_no_shape() {
        assert_eq!(unpack(&[2; MAX_SHAPE]), None);
        assert_eq!(unpack(&[]), None);
        assert!(unpack(&pack(&schema::of::<Vec<u8>>())).is_some());
    }
}
