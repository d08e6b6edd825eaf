//! The state of a plain group: what others are compared with.

use mosaik_runtime::{
    groups::{Apply, StateMachine},
    primitives::{
        Schema,
        schema::{Seen, Shape},
    },
};
use serde::{Deserialize, Serialize};

/// The state: a sum.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sum(u64);

impl Schema for Sum {
    fn shape(seen: &mut Seen) -> Shape {
        u64::shape(seen)
    }
}

impl StateMachine for Sum {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = u64;

    fn apply(&mut self, more: u64, _: &Apply) -> u64 {
        self.0 = self.0.wrapping_add(more);
        self.0
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }
}
