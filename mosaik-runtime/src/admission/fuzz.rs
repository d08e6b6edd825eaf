//! The fuzz target of admission: questions and answers.

use bytes::Bytes;

use super::{
    Ask, Gate, Item, Refusal,
    core::{agree, judge},
    wire::{AnswerFrame, AskFrame, AskV1, pack, unpack},
};
use crate::primitives::{
    Fingerprint, PeerId, PeerRole, PeerView, Policy, WireId,
    fuzz::{Target, bytes, round_trip},
    schema,
};

/// A sentence that a peer had a part in is short, and one line.
fn check(sentence: &str) {
    assert!(sentence.chars().count() <= 2048, "{} bytes for the log", sentence.len());
    assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
}

/// Questions that peers ask, and answers that they give.
pub(crate) const ADMISSION: Target = Target {
    name: "admission",
    run: |bytes| {
        if let Some(AskFrame::V1(frame)) = round_trip::<AskFrame>(bytes) {
            let shape = schema::of::<(u32, String)>();
            let gate =
                Gate { name: "fuzz".into(), policy: Policy::anyone(), schema: shape.fingerprint(), shape };
            let (item, role) = (Item::unknown(frame.item), frame.role);
            let ask = Ask { item, role, schemas: frame.schemas, shape: unpack(&frame.shape) };
            match agree(&gate, &ask) {
                Ok(schema) => assert!(ask.schemas.contains(&schema)),
                Err(mismatch) => [mismatch.here, mismatch.there].iter().for_each(|text| check(text)),
            }
            let stranger = PeerView::stranger(PeerId::from_bytes([1; 32]));
            assert!(judge(&!Policy::only(stranger.id), &stranger).is_err());
        }
        super::proofs::fuzzed(bytes);
        if let Some(AnswerFrame::Refused { refusal, .. }) = round_trip::<AnswerFrame>(bytes) {
            let refusal = refusal.heard();
            check(&refusal.to_string());
            let _ = (refusal.code(), refusal.may_pass());
        }
    },
    seeds: || {
        let item = WireId::from_bytes([7; 32]);
        let ask = |shape: schema::Shape| {
            bytes(&AskFrame::V1(AskV1 {
                item,
                role: PeerRole::Consumes,
                schemas: vec![shape.fingerprint(), Fingerprint([9; 16])],
                shape: pack(&shape),
                extensions: vec![(1, Bytes::from_static(b"x"))],
            }))
        };
        let answer = |refusal| bytes(&AnswerFrame::Refused { refusal, extensions: Vec::new() });
        let mut seeds = vec![
            ask(schema::of::<(u32, String)>()),
            ask(schema::of::<Option<(u32, Vec<f64>)>>()),
            bytes(&AnswerFrame::Admitted { schema: Fingerprint([9; 16]), extensions: Vec::new() }),
            answer(Refusal::PolicyUnmet { policy: "tag(\"a\")\n".to_owned() }),
            answer(Refusal::SchemaMismatch { difference: "f32 here, f64 there".to_owned() }),
            answer(Refusal::Full { limit: 4 }),
            answer(Refusal::NotProven { policy: "Desk".into(), proof: "Desk".into(), why: "expired".into() }),
        ];
        seeds.extend(super::proofs::seeds());
        seeds
    },
};
