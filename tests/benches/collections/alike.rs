//! The state of a plain group whose commands and answers are as long as an insertion and its answer.

use mosaik_runtime::{
    groups::{Apply, StateMachine},
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
};
use serde::{Deserialize, Serialize};

/// What an insertion has beside its key and its value: which request, which collection, how long, which operation, how long it lives.
const BESIDE: [u8; 6] = [0; 6];
/// What its answer has beside the index and the value that was there.
const BEHIND: [u8; 3] = [0; 3];

/// The state: the last entry.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Alike(Option<(u64, u64)>);

/// The command that says as much as an insertion.
pub(crate) fn command(key: u64, value: u64) -> (u64, u64, [u8; 6]) {
    (key, value, BESIDE)
}

impl Schema for Alike {
    fn shape(seen: &mut Seen) -> Shape {
        Option::<(u64, u64)>::shape(seen)
    }
}

impl StateMachine for Alike {
    type Command = (u64, u64, [u8; 6]);
    type Reply = (u64, Option<u64>, [u8; 3]);
    type Query = ();
    type Answer = Option<(u64, u64)>;

    fn apply(&mut self, (key, value, _): Self::Command, cx: &Apply) -> Self::Reply {
        let before = self.0.replace((key, value));
        (cx.index(), before.map(|(_, value)| value), BEHIND)
    }

    fn query(&self, (): ()) -> Self::Answer {
        self.0
    }
}
