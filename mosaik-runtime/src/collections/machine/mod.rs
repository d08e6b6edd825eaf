//! The state machine of a group that holds collections.
//!
//! A group holds one collection or several; their types are fixed by its [`Bundle`]. What changes them is a [`Request`]: some steps that
//! take place together or not at all.

mod bundle;
mod request;
mod slot;
#[cfg(test)]
mod tests;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
    ser::{Error as _, SerializeTuple},
};

use bundle::Restoring;
pub use bundle::{Bundle, Only, Part};
pub use request::{Answer, Answered, MAX_OPERATION, Operation, Request, Told};
pub(super) use request::{encode_only, only_answer};
pub(super) use slot::{AnySlot, Slot};

use request::MAX_ANSWERS;
use slot::SlotError;

use crate::{
    groups::{
        Apply, Reply, StateMachine, Timestamp,
        machine::{NotApplied, apply_decoded},
    },
    primitives::{
        canary::{self, Canary},
        codec::{self, EncodeError},
        schema::{Record, Schema, Seen, Shape},
    },
};

/// The length of an answer, encoded, at most.
const LENGTH: usize = 5;
/// Room for an answer that is kept.
const KEPT: usize = 4096;

/// The collections of a group.
pub struct Machine<B> {
    slots: Vec<Box<dyn AnySlot>>,
    /// The entry of the log that the slots' changes are of.
    entry: u64,
    /// Room for the answer of an operation.
    answer: Vec<u8>,
    bundle: PhantomData<fn() -> B>,
}

impl<B: Bundle> Default for Machine<B> {
    fn default() -> Self {
        Self::of(B::parts().iter().map(Part::empty).collect())
    }
}

impl<B> Machine<B> {
    fn of(slots: Vec<Box<dyn AnySlot>>) -> Self {
        Self { slots, entry: 0, answer: Vec::new(), bundle: PhantomData }
    }

    pub(super) fn slots(&self) -> &[Box<dyn AnySlot>] {
        &self.slots
    }

    /// The entry of the log that the slots' changes are of.
    pub(super) fn entry(&self) -> u64 {
        self.entry
    }

    /// When something expires next.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.slots.iter().filter_map(|slot| slot.next_expiry()).min()
    }

    /// Does all operations, or none of them.
    fn run(&mut self, operations: &[Operation], now: Timestamp) -> Result<Told, EncodeError> {
        let marks = (operations.len() > 1).then(|| self.slots.iter().map(|slot| slot.mark()).collect());
        let (mut answers, mut left) = (Vec::with_capacity(operations.len().min(1024)), MAX_ANSWERS);
        for (step, operation) in (0..).zip(operations) {
            let mut answer = Vec::new();
            let why = match self.step(operation.part, &operation.body, now, &mut answer) {
                Ok(true) => match left.checked_sub(answer.len() + LENGTH) {
                    Some(still) => {
                        left = still;
                        answers.push(answer.into());
                        continue;
                    }
                    None => Told::TooLong { step },
                },
                Ok(false) => Told::Aborted { step, answer: answer.into() },
                Err(error) => error.told(step)?,
            };
            self.back(marks);
            return Ok(why);
        }
        Ok(Told::Done(answers))
    }

    /// Does an operation; says whether it took place.
    fn step(
        &mut self,
        part: u64,
        body: &[u8],
        now: Timestamp,
        answer: &mut Vec<u8>,
    ) -> Result<bool, SlotError> {
        let slot = usize::try_from(part).ok().and_then(|part| self.slots.get_mut(part));
        let no_such = || SlotError::Unreadable(format!("the group has no collection {part}"));
        slot.ok_or_else(no_such)?.apply(body, now, answer)
    }

    /// What comes before each request: the changes of an earlier entry go, and what has expired.
    fn begin(&mut self, cx: &Apply) {
        if self.entry != cx.index() {
            self.entry = cx.index();
            self.slots.iter_mut().for_each(|slot| slot.begin());
        }
        self.slots.iter_mut().for_each(|slot| slot.expire(cx.now()));
    }

    fn back(&mut self, marks: Option<Vec<slot::Mark>>) {
        if canary::made(Canary::HalfTransaction) {
            return;
        }
        for (slot, mark) in self.slots.iter_mut().zip(marks.into_iter().flatten()) {
            slot.back(mark);
        }
    }
}

impl<B: Bundle> StateMachine for Machine<B> {
    type Command = Request;
    type Reply = Answered;
    type Query = ();
    type Answer = ();

    fn apply(&mut self, request: Request, cx: &Apply) -> Answered {
        self.begin(cx);
        let told = match request {
            Request::Expire => Ok(Told::Done(Vec::new())),
            Request::Operations(operations) => self.run(&operations, cx.now()),
        };
        match told {
            Ok(told) => Answered(Ok(Answer { index: cx.index(), told })),
            // The group undoes a command whose answer cannot be written.
            Err(error) => Answered(Err(error)),
        }
    }

    /// A strong query asks nothing: what it waits for is that the copy is new enough.
    fn query(&self, (): ()) {}

    fn encoded_size(&self) -> Result<usize, EncodeError> {
        self.slots.iter().try_fold(0, |sum, slot| {
            let size = slot.encoded_size()?;
            Ok(sum + size + codec::encoded_size(&(size as u64))?)
        })
    }

    /// Most requests are one operation. It is done and answered without a copy of its bytes; the others as ever.
    fn apply_encoded(
        &mut self,
        method: u64,
        arguments: &[u8],
        cx: &Apply,
        reply: &mut Vec<u8>,
    ) -> Result<(), NotApplied> {
        let Some((part, body)) = request::only(method, arguments) else {
            return apply_decoded(self, method, arguments, cx, reply);
        };
        self.begin(cx);
        let mut answer = std::mem::take(&mut self.answer);
        answer.clear();
        let told = match self.step(part, body, cx.now(), &mut answer) {
            Ok(true) if answer.len() + LENGTH > MAX_ANSWERS => Told::TooLong { step: 0 },
            Ok(true) => {
                let done = request::answer_only(cx.index(), &answer, reply);
                // A long one is not kept for ever.
                answer.shrink_to(KEPT);
                self.answer = answer;
                return done.map_err(NotApplied::Reply);
            }
            Ok(false) => Told::Aborted { step: 0, answer: answer.into() },
            Err(error) => error.told(0).map_err(NotApplied::Reply)?,
        };
        Answered(Ok(Answer { index: cx.index(), told })).encode(reply).map_err(NotApplied::Reply)
    }
}

/// The collections one behind the other, each as bytes of its own.
impl<B: Bundle> Serialize for Machine<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_tuple(self.slots.len())?;
        for slot in &self.slots {
            let bytes = slot.encode().map_err(S::Error::custom)?;
            all.serialize_element(&bytes::Bytes::from(bytes))?;
        }
        all.end()
    }
}

impl<'de, B: Bundle> Deserialize<'de> for Machine<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Slots<B>(Vec<Part>, PhantomData<B>);
        impl<'de, B> Visitor<'de> for Slots<B> {
            type Value = Machine<B>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} collections", self.0.len())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut slots = Vec::with_capacity(self.0.len());
                for part in &self.0 {
                    let slot = seq.next_element_seed(Restoring(*part))?;
                    slots.push(slot.ok_or_else(|| A::Error::custom("a collection is missing"))?);
                }
                Ok(Machine::of(slots))
            }
        }
        let parts = B::parts();
        deserializer.deserialize_tuple(parts.len(), Slots(parts, PhantomData))
    }
}

impl<B: Bundle> Schema for Machine<B> {
    fn shape(seen: &mut Seen) -> Shape {
        let fields = B::parts().iter().map(|part| (part.name().to_owned(), part.shape(seen))).collect();
        Shape::Struct(Record { name: "collections".to_owned(), label: None, fields })
    }
}

impl<B> fmt::Debug for Machine<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Machine({} collections)", self.slots.len())
    }
}
