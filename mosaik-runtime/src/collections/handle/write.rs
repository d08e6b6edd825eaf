//! The handle that changes a collection.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{
    View,
    view::{Copy, Strong},
};
use crate::{
    collections::{
        core::Container,
        feed::Source,
        machine::{
            Answer, Bundle, MAX_OPERATION, Machine, Operation, Request, Told, encode_only, only_answer,
        },
        transaction::{Answers, Transaction, TransactionError},
    },
    groups::{
        CommandError, Entrance, Era, Group, GroupWhen, InstanceView, ReadError, Rejected, Unknown, Version,
        machine::COMMAND,
    },
    primitives::codec::{self, DecodeError, EncodeError},
};

/// What a change did, and the version that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied<R> {
    /// The first version that has the change. Wait for it on any node with `when().reaches(version)`; it may travel in a message.
    ///
    /// It is the entry of the log that holds the change, and an entry may hold several: changes that were under way together may have
    /// one version, also those of different writers. A change that was given after another was acknowledged has a greater one.
    pub version: Version,
    /// What happened.
    pub result: R,
}

impl<R> Applied<R> {
    /// What happened.
    pub fn into_inner(self) -> R {
        self.result
    }

    /// The same version with something else.
    pub fn map<S>(self, map: impl FnOnce(R) -> S) -> Applied<S> {
        Applied { version: self.version, result: map(self.result) }
    }
}

/// Changes a collection, and reads the copy on this node. Cheap to clone; all handles of a collection on one node share one copy.
///
/// A change is acknowledged once the group has committed it; the copy here may learn of it a moment later. To read what was written,
/// wait for the version that came back with `when().reaches(version)`, or use `strong`.
pub struct Write<T: Container> {
    view: View<T>,
    member: Arc<dyn Member>,
    deadline: Option<Duration>,
}

/// The member of a group of collections, whatever the collections are.
pub(in crate::collections) trait Member: Send + Sync {
    /// Where requests are given.
    fn entrance(&self) -> Entrance<'_>;
    fn era(&self) -> Era;
    fn when(&self) -> GroupWhen;
    fn status(&self) -> InstanceView;
}

impl<B: Bundle> Member for Group<Machine<B>> {
    fn entrance(&self) -> Entrance<'_> {
        Self::entrance(self)
    }

    fn era(&self) -> Era {
        Self::era(self)
    }

    fn when(&self) -> GroupWhen {
        Group::when(self)
    }

    fn status(&self) -> InstanceView {
        Group::status(self)
    }
}

impl dyn Member + '_ {
    /// Gives a request as it travels; what comes back is the answer as it travels.
    pub(in crate::collections) fn give(
        &self,
        request: Bytes,
        within: Option<Duration>,
    ) -> impl Future<Output = Result<Bytes, CommandError>> + Send {
        self.entrance().give(COMMAND, request, within)
    }
}

impl<B: Bundle> Strong for Group<Machine<B>> {
    fn source(&self) -> &dyn Source {
        self.replica()
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(self.query(()))
    }
}

impl<T: Container> Write<T> {
    pub(in crate::collections) fn new(
        view: View<T>,
        member: Arc<dyn Member>,
        deadline: Option<Duration>,
    ) -> Self {
        Self { view, member, deadline }
    }

    /// The same collection, whose changes may take this long; 10 s by default.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// What can be waited for: that the collection is online, that it has changed, that it has reached a version.
    pub fn when(&self) -> GroupWhen {
        self.member.when()
    }

    /// The group of the collection as this node sees it now: its birth, leader, voters and progress.
    pub fn status(&self) -> InstanceView {
        self.member.status()
    }

    /// Does several operations, on this collection or on others of its group, all or none of them: they have one version, and no
    /// reader sees some of them without the others. An operation that is conditional and does not take place undoes all:
    /// `compare_exchange`, `insert_if_absent`, `expect` and the like.
    ///
    /// The closure lists the operations and returns what it wants to know of them: what an operation returns, or a tuple of such.
    ///
    /// # Errors
    ///
    /// As for every change, and [`TransactionError`] when an operation did not take place.
    pub async fn transaction<A: Answers>(
        &self,
        list: impl FnOnce(&mut Transaction) -> A,
    ) -> Result<Applied<A::Value>, CommandError<TransactionError>> {
        transact(&self.view.copy, &*self.member, self.deadline, list).await
    }

    fn version(&self, index: u64) -> Version {
        Version::new(self.member.era(), index)
    }

    /// Does one operation, and reads its answer.
    pub(super) async fn run<R>(
        &self,
        request: Result<Bytes, Rejected>,
        read: fn(&[u8]) -> Result<R, DecodeError>,
    ) -> Result<Applied<R>, CommandError> {
        let answer = self.member.give(request?, self.deadline).await?;
        if let Some((index, answer)) = only_answer(&answer) {
            let result = read(answer).map_err(unreadable)?;
            return Ok(Applied { version: self.version(index), result });
        }
        let answer = Answer::decode(&answer).map_err(unreadable)?;
        let version = self.version(answer.index);
        let bytes: Option<Bytes> = match answer.told {
            Told::Done(answers) => answers.into_iter().next(),
            Told::Aborted { answer, .. } => Some(answer),
            Told::Unreadable(why) => return Err(Rejected::Unreadable { why }.into()),
            Told::NoOrder { .. } => return Err(Rejected::NoOrder.into()),
            Told::TooLong { .. } => {
                return Err(Rejected::Unreadable { why: "its answer is too long".to_owned() }.into());
            }
        };
        let result = read(bytes.as_deref().unwrap_or_default()).map_err(unreadable)?;
        Ok(Applied { version, result })
    }

    /// The request to do one operation, as it travels.
    pub(super) fn request(&self, operation: &T::Operation) -> Result<Bytes, Rejected> {
        let (request, length) = encode_only(self.view.part, operation).map_err(not_encodable)?;
        within_limit(length)?;
        Ok(request)
    }
}

/// Does several operations on the collections of a group, all or none of them.
pub(in crate::collections) async fn transact<A: Answers>(
    copy: &Arc<Copy>,
    member: &dyn Member,
    deadline: Option<Duration>,
    list: impl FnOnce(&mut Transaction) -> A,
) -> Result<Applied<A::Value>, CommandError<TransactionError>> {
    let mut transaction = Transaction::new(copy.clone());
    let answers = list(&mut transaction);
    let (operations, names) = transaction.finish()?;
    let request = Request::Operations(operations).encoded().map_err(not_encodable)?;
    let given = member.give(request, deadline).await.map_err(CommandError::widen)?;
    let answer = Answer::decode(&given).map_err(unreadable).map_err(CommandError::widen)?;
    let version = Version::new(member.era(), answer.index);
    match answer.told {
        Told::Done(bytes) => {
            let result = answers.read(&bytes).map_err(unreadable).map_err(CommandError::widen)?;
            Ok(Applied { version, result })
        }
        Told::Aborted { step, answer } => {
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            let what = names.get(step).cloned().unwrap_or_default();
            Err(CommandError::Failed(TransactionError::Aborted { step, what, version, answer }))
        }
        Told::TooLong { step } => {
            let step = usize::try_from(step).unwrap_or(usize::MAX);
            let what = names.get(step).cloned().unwrap_or_default();
            Err(CommandError::Failed(TransactionError::AnswersTooLong { step, what }))
        }
        Told::Unreadable(why) => Err(Rejected::Unreadable { why }.into()),
        Told::NoOrder { .. } => Err(Rejected::NoOrder.into()),
    }
}

/// An operation on one part of a group.
pub(in crate::collections) fn encode<O: Serialize>(
    part: usize,
    operation: &O,
) -> Result<Operation, Rejected> {
    let body = codec::encode(operation).map_err(not_encodable)?;
    within_limit(body.len())?;
    Ok(Operation { part: part as u64, body: body.into() })
}

fn within_limit(bytes: usize) -> Result<(), Rejected> {
    match bytes > MAX_OPERATION {
        true => Err(Rejected::TooLarge { bytes, limit: MAX_OPERATION }),
        false => Ok(()),
    }
}

fn not_encodable(error: EncodeError) -> Rejected {
    Rejected::NotEncodable { why: error.to_string() }
}

fn unreadable(error: DecodeError) -> CommandError {
    Unknown::Reply { why: error.to_string() }.into()
}

impl<T: Container> Deref for Write<T> {
    type Target = View<T>;

    fn deref(&self) -> &View<T> {
        &self.view
    }
}

impl<T: Container> Clone for Write<T> {
    fn clone(&self) -> Self {
        Self { view: self.view.clone(), member: self.member.clone(), deadline: self.deadline }
    }
}

impl<T: Container> fmt::Debug for Write<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Write({:?})", self.view)
    }
}
