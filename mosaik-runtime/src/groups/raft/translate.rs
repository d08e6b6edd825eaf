//! Between openraft's questions and answers and those that travel.

use openraft::{
    errors::RaftError,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, StreamAppendError, StreamAppendResult,
        TransferLeaderError, TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};

use super::{convert, types::RaftTypes};
use crate::groups::{
    MemberId,
    store::{StoreError, record::LogId},
    wire::{AppendAnswer, Appended, TransferAnswer, TransferAsk, VoteAnswer, VoteAsk, Why},
};

pub(super) fn vote_ask(to: MemberId, ask: &VoteRequest<RaftTypes>) -> VoteAsk {
    VoteAsk {
        to,
        vote: convert::vote(&ask.vote),
        last: ask.last_log_id.as_ref().map(convert::log_id),
        transfer: ask.leadership_transfer,
    }
}

pub(super) fn raft_vote_ask(ask: VoteAsk) -> VoteRequest<RaftTypes> {
    let mut request = VoteRequest::new(convert::raft_vote(ask.vote), ask.last.map(convert::raft_log_id));
    request.leadership_transfer = ask.transfer;
    request
}

pub(super) fn vote_answer(answer: &VoteResponse<RaftTypes>) -> VoteAnswer {
    VoteAnswer {
        vote: convert::vote(&answer.vote),
        granted: answer.vote_granted,
        last: answer.last_log_id.as_ref().map(convert::log_id),
    }
}

pub(super) fn raft_vote_answer(answer: VoteAnswer) -> VoteResponse<RaftTypes> {
    VoteResponse::new(convert::raft_vote(answer.vote), answer.last.map(convert::raft_log_id), answer.granted)
}

pub(super) fn appended(request: AppendEntriesRequest<RaftTypes>) -> Appended {
    Appended {
        vote: convert::vote(&request.vote),
        before: request.prev_log_id.as_ref().map(convert::log_id),
        entries: request.entries.into_iter().map(convert::entry).collect(),
        committed: request.leader_commit.as_ref().map(convert::log_id),
    }
}

pub(super) fn raft_appended(appended: Appended) -> Result<AppendEntriesRequest<RaftTypes>, StoreError> {
    Ok(AppendEntriesRequest {
        vote: convert::raft_vote(appended.vote),
        prev_log_id: appended.before.map(convert::raft_log_id),
        entries: appended.entries.into_iter().map(convert::raft_entry).collect::<Result<_, _>>()?,
        leader_commit: appended.committed.map(convert::raft_log_id),
    })
}

/// The entries of a message: the one before the first, and the last.
pub(super) fn range(appended: &Appended) -> (Option<LogId>, Option<LogId>) {
    let last = appended.entries.last().map(|entry| entry.id);
    (appended.before, last.or(appended.before))
}

pub(super) fn append_answer(
    answer: AppendEntriesResponse<RaftTypes>,
    (before, last): (Option<LogId>, Option<LogId>),
) -> AppendAnswer {
    match answer {
        AppendEntriesResponse::Success => AppendAnswer::Matching(last),
        AppendEntriesResponse::PartialSuccess(id) => AppendAnswer::Matching(id.as_ref().map(convert::log_id)),
        AppendEntriesResponse::Conflict => AppendAnswer::Conflict(before),
        AppendEntriesResponse::HigherVote(vote) => AppendAnswer::HigherVote(convert::vote(&vote)),
    }
}

pub(super) fn stream_answer(answer: StreamAppendResult<RaftTypes>) -> AppendAnswer {
    match answer {
        Ok(id) => AppendAnswer::Matching(id.as_ref().map(convert::log_id)),
        Err(StreamAppendError::Conflict(id)) => AppendAnswer::Conflict(Some(convert::log_id(&id))),
        Err(StreamAppendError::HigherVote(vote)) => AppendAnswer::HigherVote(convert::vote(&vote)),
    }
}

/// What an answer means for the message that ends at `last`.
pub(super) fn raft_append_answer(
    answer: AppendAnswer,
    last: Option<LogId>,
) -> Result<AppendEntriesResponse<RaftTypes>, Why> {
    match answer {
        AppendAnswer::Matching(id) if id == last => Ok(AppendEntriesResponse::Success),
        AppendAnswer::Matching(id) => Ok(AppendEntriesResponse::PartialSuccess(id.map(convert::raft_log_id))),
        AppendAnswer::Conflict(_) => Ok(AppendEntriesResponse::Conflict),
        AppendAnswer::HigherVote(vote) => Ok(AppendEntriesResponse::HigherVote(convert::raft_vote(vote))),
        AppendAnswer::Refused(why) => Err(why),
    }
}

/// What an answer means for the message that began behind `before`.
pub(super) fn raft_stream_answer(
    answer: AppendAnswer,
    before: Option<LogId>,
) -> Result<StreamAppendResult<RaftTypes>, Why> {
    match answer {
        AppendAnswer::Matching(id) => Ok(Ok(id.map(convert::raft_log_id))),
        // Nothing conflicts with the beginning of a log.
        AppendAnswer::Conflict(id) => match before.or(id) {
            Some(id) => Ok(Err(StreamAppendError::Conflict(convert::raft_log_id(id)))),
            None => Err(Why::Failed("a conflict with the beginning of the log".to_owned())),
        },
        AppendAnswer::HigherVote(vote) => Ok(Err(StreamAppendError::HigherVote(convert::raft_vote(vote)))),
        AppendAnswer::Refused(why) => Err(why),
    }
}

pub(super) fn transfer_ask(to: MemberId, ask: &TransferLeaderRequest<RaftTypes>) -> TransferAsk {
    TransferAsk {
        to,
        vote: convert::vote(ask.from_leader()),
        next: *ask.to_node_id(),
        last: ask.last_log_id().map(convert::log_id),
    }
}

pub(super) fn raft_transfer_ask(ask: TransferAsk) -> TransferLeaderRequest<RaftTypes> {
    TransferLeaderRequest::new(convert::raft_vote(ask.vote), ask.next, ask.last.map(convert::raft_log_id))
}

pub(super) fn transfer_answer(answer: &TransferLeaderResponse<RaftTypes>) -> TransferAnswer {
    match answer {
        Ok(()) => TransferAnswer::Heard,
        Err(TransferLeaderError::VoteChanged { actual, .. }) => {
            TransferAnswer::VoteChanged { vote: convert::vote(actual) }
        }
        Err(TransferLeaderError::LogNotFlushed { actual, .. }) => {
            TransferAnswer::Behind { last: actual.as_ref().map(convert::log_id) }
        }
    }
}

/// What an answer means for what was asked.
pub(super) fn raft_transfer_answer(
    answer: TransferAnswer,
    ask: &TransferLeaderRequest<RaftTypes>,
) -> TransferLeaderResponse<RaftTypes> {
    match answer {
        TransferAnswer::Heard => Ok(()),
        TransferAnswer::VoteChanged { vote } => Err(TransferLeaderError::VoteChanged {
            expected: *ask.from_leader(),
            actual: convert::raft_vote(vote),
        }),
        TransferAnswer::Behind { last } => Err(TransferLeaderError::LogNotFlushed {
            expected: ask.last_log_id().copied(),
            actual: last.map(convert::raft_log_id),
        }),
    }
}

/// Raft here did not do it.
pub(super) fn failed<E>(error: &RaftError<RaftTypes, E>) -> Why
where
    E: std::error::Error,
{
    match error {
        RaftError::Fatal(openraft::errors::Fatal::Stopped) => Why::Stopping,
        error => Why::Failed(error.to_string()),
    }
}
