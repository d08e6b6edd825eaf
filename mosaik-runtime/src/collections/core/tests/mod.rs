//! The containers beside those of std: random operations, exact changes, one form of bytes.

mod bytes;
mod cost;
mod edges;
mod entries;
mod map;
mod orders;
mod queue;
mod sequence;
mod sets;
mod travels;
mod values;

use super::{Container, Step};
use crate::{groups::Timestamp, primitives::codec};

/// How many operations each container does; six of them do 100 000 in all.
const OPERATIONS: u32 = 17_000;

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// A container under test.
struct Bench<C: Container> {
    state: C,
    now: u64,
    /// Whether the state before each operation is kept, and compared with that after one that did not take place.
    compares: bool,
}

impl<C: Container + PartialEq + std::fmt::Debug> Bench<C> {
    fn new() -> Self {
        Self { state: C::default(), now: 0, compares: true }
    }

    /// For what is counted.
    fn quick() -> Self {
        Self { compares: false, ..Self::new() }
    }

    /// Does one operation, and returns what it answers, whether it took place, and what it changed.
    fn go<R: serde::de::DeserializeOwned>(&mut self, operation: C::Operation) -> (R, bool, Vec<C::Change>) {
        // Operations travel.
        let bytes = codec::encode(&operation).expect("encodes");
        let operation: C::Operation = codec::decode_deep(&bytes).expect("decodes");
        let (mut changes, mut answer) = (Vec::new(), Vec::new());
        let before = self.compares.then(|| self.state.clone());
        let mut step = Step::new(Timestamp::from_millis(self.now), &mut changes, &mut answer);
        let took_place = self.state.apply(operation, &mut step);
        assert_eq!(step.failed(), None);
        if let Some(mut other) = before.clone() {
            let mut same = Vec::new();
            let mut step = Step::unfollowed(Timestamp::from_millis(self.now), &mut same);
            let operation = codec::decode_deep(&bytes).expect("decodes");
            assert_eq!(other.apply(operation, &mut step), took_place);
            assert_eq!(
                (other, same),
                (self.state.clone(), answer.clone()),
                "whether or not somebody follows"
            );
        }
        assert!(
            took_place || (changes.is_empty() && before.is_none_or(|before| self.state == before)),
            "it did not take place, and changed something"
        );
        (codec::decode_deep(&answer).expect("the answer is of this type"), took_place, changes)
    }

    /// Takes the state down to bytes and up again.
    fn restore(&mut self) {
        let bytes = codec::encode(&self.state).expect("encodes");
        let restored: C = codec::decode_deep(&bytes).expect("decodes");
        assert_eq!(restored, self.state);
        assert_eq!(codec::encode(&restored).expect("encodes"), bytes, "one form of bytes");
        self.state = restored;
    }
}
