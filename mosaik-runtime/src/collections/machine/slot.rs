//! A container in a group, whatever its type.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use super::{
    LENGTH,
    request::{MAX_ANSWERS, MAX_OPERATION, Told},
};
use crate::{
    collections::core::{Container, Step},
    groups::Timestamp,
    primitives::codec::{self, EncodeError},
};

/// Levels of nesting that a state may have more than the operation that brought a value into it.
const LEVELS: usize = 8;

/// One part of so many more is kept free for a state that has grown since it was encoded last.
const ROOM: usize = 8;

/// A container, and what the latest entry of the log changed in it.
pub(in crate::collections) struct Slot<T: Container> {
    state: Arc<T>,
    changes: Vec<T::Change>,
    /// Whether somebody wants to know what changes.
    is_followed: AtomicBool,
    /// How many bytes the state had when it was encoded last.
    length: AtomicUsize,
}

/// A state to which a slot can go back.
pub(in crate::collections) struct Mark {
    state: Arc<dyn Any + Send + Sync>,
    changes: usize,
}

/// An operation was not done.
#[derive(Debug)]
pub(in crate::collections) enum SlotError {
    /// Its bytes are no operation of this container. Nothing was changed.
    Unreadable(String),
    /// It puts a key in that does not equal itself. Nothing was changed.
    NoOrder,
    /// Its answer is too long. Nothing was changed.
    TooLong,
    /// Its answer cannot be written.
    Answer(EncodeError),
}

impl SlotError {
    /// What the caller is told of the operation at this step. The group undoes a command whose answer cannot be written.
    pub(super) fn told(self, step: u64) -> Result<Told, EncodeError> {
        match self {
            Self::Unreadable(why) => Ok(Told::Unreadable(why)),
            Self::NoOrder => Ok(Told::NoOrder { step }),
            Self::TooLong => Ok(Told::TooLong { step }),
            Self::Answer(error) => Err(error),
        }
    }
}

/// A [`Slot`] of any container.
pub(in crate::collections) trait AnySlot: Send + Sync {
    /// Forgets the changes of an earlier entry.
    fn begin(&mut self);
    /// Does an operation; says whether it took place.
    fn apply(&mut self, body: &[u8], now: Timestamp, answer: &mut Vec<u8>) -> Result<bool, SlotError>;
    /// Removes what has expired.
    fn expire(&mut self, now: Timestamp);
    /// When something expires next.
    fn next_expiry(&self) -> Option<Timestamp>;
    /// The state now.
    fn mark(&self) -> Mark;
    /// Goes back.
    fn back(&mut self, mark: Mark);
    /// The state as bytes.
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;
    /// How many bytes that are.
    fn encoded_size(&self) -> Result<usize, EncodeError>;
    /// The state as a value: an `Arc` of the container.
    fn state(&self) -> Arc<dyn Any + Send + Sync>;
    /// The slot itself.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Container> Slot<T> {
    pub(super) fn of(state: T) -> Self {
        let (is_followed, length) = (AtomicBool::new(true), AtomicUsize::new(0));
        Self { state: Arc::new(state), changes: Vec::new(), is_followed, length }
    }

    /// The state.
    pub(in crate::collections) fn value(&self) -> &Arc<T> {
        &self.state
    }

    /// Whether somebody wants to know what the next entries change. To be said while no entry is applied, or at its end.
    pub(in crate::collections) fn follow(&self, is_followed: bool) {
        self.is_followed.store(is_followed, Ordering::Relaxed);
    }

    /// What the latest entry changed, if somebody wants to know.
    pub(in crate::collections) fn changes(&self) -> &[T::Change] {
        &self.changes
    }
}

impl<T: Container> Default for Slot<T> {
    fn default() -> Self {
        Self::of(T::default())
    }
}

impl<T: Container> AnySlot for Slot<T> {
    fn begin(&mut self) {
        // What an entry of thousands of changes needed is not kept for ever.
        if self.changes.capacity() > 1024 {
            self.changes = Vec::new();
        }
        self.changes.clear();
    }

    fn apply(&mut self, body: &[u8], now: Timestamp, answer: &mut Vec<u8>) -> Result<bool, SlotError> {
        if body.len() > MAX_OPERATION {
            let why = format!("an operation of {} bytes, where {MAX_OPERATION} are allowed", body.len());
            return Err(SlotError::Unreadable(why));
        }
        let operation: T::Operation = codec::decode_shallower(body, LEVELS)
            .map_err(|error| SlotError::Unreadable(error.to_string()))?;
        if !T::has_order(&operation) {
            return Err(SlotError::NoOrder);
        }
        let before = T::answers_many(&operation).then(|| self.mark());
        let mut step = match self.is_followed.load(Ordering::Relaxed) {
            true => Step::new(now, &mut self.changes, answer),
            false => Step::unfollowed(now, answer),
        };
        let took_place = Arc::make_mut(&mut self.state).apply(operation, &mut step);
        if let Some(error) = step.failed() {
            return Err(SlotError::Answer(error));
        }
        match before {
            Some(before) if answer.len() + LENGTH > MAX_ANSWERS => {
                self.back(before);
                Err(SlotError::TooLong)
            }
            _ => Ok(took_place),
        }
    }

    fn expire(&mut self, now: Timestamp) {
        if self.state.next_expiry().is_some_and(|at| at <= now) {
            let (changes, is_followed) = (&mut self.changes, self.is_followed.load(Ordering::Relaxed));
            Arc::make_mut(&mut self.state).expire(now, &mut |change| {
                if is_followed {
                    changes.push(change);
                }
            });
        }
    }

    fn next_expiry(&self) -> Option<Timestamp> {
        self.state.next_expiry()
    }

    fn mark(&self) -> Mark {
        Mark { state: self.state.clone(), changes: self.changes.len() }
    }

    fn back(&mut self, mark: Mark) {
        if let Ok(state) = mark.state.downcast() {
            self.state = state;
        }
        self.changes.truncate(mark.changes);
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        // About as long as the last time: a buffer that grows is copied several times.
        let last = self.length.load(Ordering::Relaxed);
        let mut bytes = Vec::with_capacity(last.saturating_add(last / ROOM));
        codec::encode_into(&*self.state, &mut bytes)?;
        self.length.store(bytes.len(), Ordering::Relaxed);
        Ok(bytes)
    }

    fn encoded_size(&self) -> Result<usize, EncodeError> {
        codec::encoded_size(&*self.state)
    }

    fn state(&self) -> Arc<dyn Any + Send + Sync> {
        self.state.clone()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
