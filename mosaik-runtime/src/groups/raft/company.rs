//! How far the log is committed, on its way to a follower: with the next entries, where those are about to come.
//!
//! A message without entries says only that, and costs both sides nearly what one with a hundred commands does. Where each batch of
//! commands is given by those who were answered with the one before, every second message is of that kind, and is worked at while the
//! next batch waits for a processor. There it waits for the next entries, which say the same.
//!
//! Whoever waits until a follower has applied something must not wait for that. So a message waits only while entries came, several
//! times one after the other, before the follower had answered the message without any: what follows from that answer cannot have
//! brought them. When none come after all, it goes by itself, and the next ones do at once. A linearizable read on a follower does not wait:
//! the heartbeats that it asks for say how far the log is committed.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt, stream::Fuse};
use openraft::raft::AppendEntriesRequest;
use tokio::time::{Instant, Sleep, sleep_until};

use super::types::RaftTypes;
use crate::primitives::Clock;

/// How long a message without entries waits for some.
const HELD: Duration = Duration::from_millis(2);
/// How often one after the other entries came in time, until the next ones are waited for.
const OFTEN: u8 = 4;

type Request = AppendEntriesRequest<RaftTypes>;

/// Whether entries come soon.
#[derive(Debug, Default)]
struct Company {
    often: u8,
    /// What was sent last has no entries.
    alone: bool,
}

impl Company {
    fn is_expected(&self) -> bool {
        self.often >= OFTEN
    }

    /// Entries are sent. The follower owes an answer to what was sent before, or it does not.
    fn came(&mut self, owes: bool) {
        if std::mem::take(&mut self.alone) {
            self.often = if owes { self.often.saturating_add(1) } else { 0 };
        }
    }

    /// A message without entries is sent.
    fn goes_alone(&mut self) {
        self.alone = true;
    }

    /// A message without entries is sent, which waited for some.
    fn stayed_away(&mut self) {
        *self = Self { often: 0, alone: true };
    }
}

/// What is sent to a follower, one after the other.
pub(super) struct Requests<S> {
    input: Fuse<S>,
    company: Company,
    /// What waits for entries, and until when.
    held: Option<(Request, Instant)>,
    clock: Clock,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer is set.
    armed: bool,
}

impl<S: Stream<Item = Request> + Unpin> Requests<S> {
    /// All that openraft gives.
    pub(super) fn new(input: S, clock: Clock) -> Self {
        let timer = Box::pin(sleep_until(clock.now()));
        Self { input: input.fuse(), company: Company::default(), held: None, clock, timer, armed: false }
    }

    /// The next one. `owes` says whether the follower owes an answer. Cancel-safe.
    pub(super) async fn next(&mut self, owes: impl Fn() -> bool) -> Option<Request> {
        loop {
            tokio::select! { biased;
                request = self.input.next() => match request {
                    None => return self.held.take().map(|(request, _)| request),
                    Some(request) if !request.entries.is_empty() => {
                        self.held = None;
                        self.company.came(owes());
                        return Some(request);
                    }
                    Some(request) if self.company.is_expected() => self.hold(request),
                    Some(request) => {
                        self.company.goes_alone();
                        return Some(request);
                    }
                },
                () = &mut self.timer, if self.armed && self.held.is_some() => {
                    self.armed = false;
                    if let Some((request, until)) = self.held.take() {
                        if until <= self.clock.now() {
                            self.company.stayed_away();
                            return Some(request);
                        }
                        // The timer was set for an earlier one, which had company.
                        self.held = Some((request, until));
                        self.arm(until);
                    }
                }
            }
        }
    }

    /// A later one says what those before it do, and waits no longer than they would.
    fn hold(&mut self, request: Request) {
        let until = self.held.take().map_or_else(|| self.clock.now() + HELD, |(_, until)| until);
        self.held = Some((request, until));
        self.arm(until);
    }

    /// Setting the timer has its price: one that goes off before that stays.
    fn arm(&mut self, until: Instant) {
        if !std::mem::replace(&mut self.armed, true) {
            self.timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, channel::mpsc};
    use tokio::time::advance;

    use super::*;
    use crate::groups::{
        MemberId,
        raft::translate,
        store::record::{Entry, LogId, Payload, Vote},
        wire::Appended,
    };

    const LITTLE: Duration = Duration::from_micros(100);

    struct Line {
        input: mpsc::Sender<Request>,
        requests: Requests<mpsc::Receiver<Request>>,
    }

    impl Line {
        fn new() -> Self {
            let (input, output) = mpsc::channel(4);
            Self { input, requests: Requests::new(output, Clock::system()) }
        }

        fn give(&mut self, committed: u64, entry: Option<u64>) {
            let id = |index| LogId { term: 1, index };
            let entries = entry.map(|index| Entry { id: id(index), payload: Payload::Blank });
            let vote = Vote { term: 1, member: MemberId::from(1), committed: true };
            let (before, committed) = (entry.map(|index| id(index - 1)), Some(id(committed)));
            let appended = Appended { vote, before, entries: entries.into_iter().collect(), committed };
            let request = translate::raft_appended(appended).expect("it converts");
            self.input.try_send(request).expect("it is open");
        }

        /// How far what is sent now says that the log is committed, and how many entries it has.
        fn sent(&mut self, owes: bool) -> Option<(u64, usize)> {
            let request = self.requests.next(|| owes).now_or_never()??;
            Some((request.leader_commit.map_or(0, |id| id.index), request.entries.len()))
        }

        /// Rounds of entries and a message without, of which the last ends with `last` committed.
        fn rounds(&mut self, last: u64, owes: bool) {
            for index in last + 1 - u64::from(OFTEN)..=last {
                self.give(index - 1, None);
                assert_eq!(self.sent(owes), Some((index - 1, 0)), "it goes by itself");
                self.give(index - 1, Some(index));
                assert_eq!(self.sent(owes), Some((index - 1, 1)));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_committed_goes_with_entries_that_come_soon() {
        let mut line = Line::new();
        line.rounds(9, true);
        for index in 9..20 {
            line.give(index, None);
            assert_eq!(line.sent(true), None, "it waits");
            advance(LITTLE).await;
            line.give(index, Some(index + 1));
            assert_eq!(line.sent(true), Some((index, 1)));
            assert_eq!(line.sent(true), None, "and nothing else is left");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_in_vain_goes_soon_and_the_next_ones_at_once() {
        let mut line = Line::new();
        line.rounds(9, true);
        // The timer that this one sets goes off too early for the next.
        line.give(9, None);
        assert_eq!(line.sent(true), None);
        advance(HELD / 2).await;
        line.give(9, Some(10));
        assert_eq!(line.sent(true), Some((9, 1)));
        line.give(10, None);
        assert_eq!(line.sent(true), None);
        advance(HELD / 2 + 2 * LITTLE).await;
        line.give(11, None);
        assert_eq!(line.sent(true), None, "it is not time yet, and a later one says it too");
        advance(HELD / 2).await;
        assert_eq!(line.sent(true), Some((11, 0)), "neither waits longer than the first would");
        line.rounds(20, true);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_where_a_follower_may_be_waited_for() {
        let mut line = Line::new();
        line.rounds(9, false);
        line.rounds(20, false);
        // Entries without a message between them say nothing.
        for index in 21..30 {
            line.give(20, Some(index));
            assert_eq!(line.sent(true), Some((20, 1)));
        }
        line.give(29, None);
        assert_eq!(line.sent(true), Some((29, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_nothing_is_left() {
        let mut line = Line::new();
        line.rounds(9, true);
        line.give(9, None);
        line.give(10, None);
        assert_eq!(line.sent(true), None);
        line.input.close_channel();
        assert_eq!(line.sent(true), Some((10, 0)));
        let ended = line.requests.next(|| true).now_or_never();
        assert!(ended.is_some_and(|request| request.is_none()));
    }
}
