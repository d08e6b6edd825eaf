//! Whether a group is fenced, as its snapshot and its log say, for who has no machine of its type: what is asked before Raft starts.

use super::{
    Fence,
    payload::{ItemRef, PayloadRef},
    snapshot,
};

/// The fence that is in a snapshot. What does not decode has none: whoever opens the machine with it says so.
pub(in crate::groups) fn fence_in(snapshot: &[u8]) -> Option<Fence> {
    snapshot::system_of(snapshot)?.fenced()
}

/// The fence after a command entry with this payload.
pub(in crate::groups) fn fence_after(before: Option<Fence>, payload: &[u8]) -> Option<Fence> {
    let Ok(PayloadRef::V1(batch)) = PayloadRef::decode(payload) else { return before };
    batch.items.iter().fold(before, |before, item| match item {
        ItemRef::Fence(fence) => before.or(Some(*fence)),
        ItemRef::Lift => None,
        _ => before,
    })
}
