//! What all containers have in common.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    groups::Timestamp,
    primitives::{
        Schema,
        codec::{self, EncodeError},
        schema::{Record, Shape},
    },
};

/// A replicated container: `Map`, `Vec`, `Set`, `Cell`, `Once` or `PriorityQueue`.
///
/// Its serde impls are the form of snapshots and a promise: equal contents have equal bytes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not replicated",
    label = "not a container of mosaik",
    note = "the containers of `collections` are `Map`, `Vec`, `Set`, `Cell`, `Once`, `PriorityQueue`"
)]
pub trait Container: Clone + Default + Serialize + DeserializeOwned + Schema + Send + Sync + 'static {
    /// Its name.
    const KIND: &'static str;
    /// What changes it. Operations travel.
    type Operation: Serialize + DeserializeOwned + Send + 'static;
    /// What an operation changed.
    type Change: Clone + Send + Sync + 'static;

    /// Does what the operation asks for, answers it, and says whether it took place. An operation that does not take place changes
    /// nothing.
    fn apply(&mut self, operation: Self::Operation, step: &mut Step<'_, Self::Change>) -> bool;

    /// Whether each key that the operation puts in equals itself. It shall not be applied otherwise: what it puts in would never be found.
    fn has_order(_operation: &Self::Operation) -> bool {
        true
    }

    /// Whether what the operation answers may be more than what one operation brought: values that many have put in. It is undone where its
    /// answer is too long.
    fn answers_many(_operation: &Self::Operation) -> bool {
        false
    }

    /// Removes what has expired.
    fn expire(&mut self, _now: Timestamp, _changed: &mut dyn FnMut(Self::Change)) {}

    /// When something expires next.
    fn next_expiry(&self) -> Option<Timestamp> {
        None
    }
}

/// What an operation is given, and where it leaves its answer and its changes.
pub struct Step<'a, C> {
    now: Timestamp,
    /// None where nobody wants to know.
    changes: Option<&'a mut std::vec::Vec<C>>,
    answer: &'a mut std::vec::Vec<u8>,
    failed: Option<EncodeError>,
}

impl<'a, C> Step<'a, C> {
    /// A step at this group time.
    pub fn new(now: Timestamp, changes: &'a mut std::vec::Vec<C>, answer: &'a mut std::vec::Vec<u8>) -> Self {
        Self { now, changes: Some(changes), answer, failed: None }
    }

    /// A step whose changes nobody wants to know.
    pub fn unfollowed(now: Timestamp, answer: &'a mut std::vec::Vec<u8>) -> Self {
        Self { now, changes: None, answer, failed: None }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether somebody wants to know what changes.
    pub(super) fn is_followed(&self) -> bool {
        self.changes.is_some()
    }

    pub(super) fn changed(&mut self, change: C) {
        if let Some(changes) = &mut self.changes {
            changes.push(change);
        }
    }

    /// Answers; the type is that of the operation's method.
    pub(super) fn answer<R: Serialize>(&mut self, answer: &R) {
        if let Err(error) = codec::encode_into(answer, self.answer) {
            self.failed = Some(error);
        }
    }

    /// Answers whether it took place, and says so.
    pub(super) fn took_place(&mut self, took_place: bool) -> bool {
        self.answer(&took_place);
        took_place
    }

    /// Answers how many, and says that it took place.
    pub(super) fn count(&mut self, count: usize) -> bool {
        self.answer(&(count as u64));
        true
    }

    /// Why the answer could not be written, if it could not.
    pub fn failed(self) -> Option<EncodeError> {
        self.failed
    }
}

/// The shape of a container. Its revision grows when it has another operation or when one means something else: a member that does not
/// know an operation leaves its copy as it is where others change theirs, so members of different revisions must not meet.
pub(super) fn labelled(kind: &str, revision: u32, parts: std::vec::Vec<Shape>) -> Shape {
    let fields = (0..).zip(parts).map(|(at, shape): (u32, _)| (at.to_string(), shape)).collect();
    Shape::Struct(Record { name: kind.to_owned(), label: Some(format!("mosaik.{kind}.v{revision}")), fields })
}
