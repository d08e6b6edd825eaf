//! How this node answers the challenges of others: one proof at a time, and not too often.
//!
//! To make a quote takes the host a while, and whoever belongs to the network may ask. So each peer has its share, and all together
//! have theirs; more is refused, with the time after which to ask again.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{super::refusal::shown, Tickets};
use crate::{
    primitives::{PeerId, Wall},
    tickets::{Class, Nonce, Ticket, Unanswered, aside},
};

/// Of one peer: so many at once, then one in this time.
const OF_ONE: Share = Share { at_once: 4, then: Duration::from_secs(10) };
/// Of all peers together.
const OF_ALL: Share = Share { at_once: 16, then: Duration::from_secs(1) };
/// How long a challenge waits for the proofs before it.
const TURN: Duration = Duration::from_secs(5);

/// For what a proof is made: an answer to one challenge.
#[derive(Debug, Clone)]
pub struct Challenged {
    /// The network's name.
    pub network: String,
    /// This node's id.
    pub peer: PeerId,
    /// What the proof must hold.
    pub nonce: Nonce,
    /// The wall-clock time.
    pub now: Wall,
}

/// Makes answers to challenges.
pub type Answerer = Arc<dyn Fn(&Challenged) -> Result<Ticket, String> + Send + Sync>;

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
struct Share {
    at_once: u32,
    then: Duration,
}

/// When a share would be whole again; in the past when it is.
type Whole = Instant;

impl Share {
    /// Whether there is a turn, and if not, in how long.
    fn wait(&self, whole: Whole, now: Instant) -> Duration {
        let most = self.then * (self.at_once - 1);
        whole.saturating_duration_since(now).saturating_sub(most)
    }

    /// A turn is taken.
    fn after(&self, whole: Whole, now: Instant) -> Whole {
        whole.max(now) + self.then
    }
}

/// The shares. Pure.
#[derive(Debug, Default)]
struct Turns {
    of_all: Option<Whole>,
    /// Of peers whose share is not whole: as many as had a turn in the time that takes.
    of_peers: BTreeMap<PeerId, Whole>,
}

impl Turns {
    /// Takes a turn of a peer, or says after which time there may be one.
    fn take(&mut self, peer: PeerId, now: Instant) -> Result<(), Duration> {
        self.of_peers.retain(|_, whole| *whole > now);
        let (all, its) = (self.of_all.unwrap_or(now), self.of_peers.get(&peer).copied().unwrap_or(now));
        let wait = OF_ALL.wait(all, now).max(OF_ONE.wait(its, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        self.of_all = Some(OF_ALL.after(all, now));
        self.of_peers.insert(peer, OF_ONE.after(its, now));
        Ok(())
    }
}

/// Who answers, and how often.
pub(super) struct Answers {
    answerers: Mutex<BTreeMap<Class, Answerer>>,
    turns: Mutex<Turns>,
    making: Semaphore,
}

impl Default for Answers {
    fn default() -> Self {
        Self { answerers: Mutex::default(), turns: Mutex::default(), making: Semaphore::new(1) }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("turns", &self.turns).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tickets {
    /// Answers challenges that ask for a proof of this class: peers whose validators want a [fresh](crate::tickets::Validator::challenge)
    /// proof send a nonce, and what `make` makes of it goes back to them. A declared TDX proof of the machine's own does so by itself.
    ///
    /// It is asked one challenge at a time; of one peer four at once and then one in 10 s, of all peers 16 at once and then one a
    /// second. It may wait for the host, and is not asked again meanwhile. Called again, the new function takes the place of the old one.
    pub fn answer(
        &self,
        class: Class,
        make: impl Fn(&Challenged) -> Result<Ticket, String> + Send + Sync + 'static,
    ) {
        lock(&self.answers().answerers).insert(class, Arc::new(make));
        self.serve();
    }

    /// The answer to the challenge of a peer, or why there is none.
    pub(super) async fn answered(
        &self,
        peer: PeerId,
        class: &Class,
        nonce: Nonce,
    ) -> Result<Ticket, Unanswered> {
        let answer = self.make_answer(peer, class, nonce).await;
        let result = answer.as_ref().map_or_else(|why| why.code(), |_| "answered");
        metrics::counter!("mosaik_tickets_answers_total", "result" => result).increment(1);
        if let Err(why) = &answer {
            tracing::debug!(target: "mosaik::admission", peer = %peer.short(), %class, "a challenge was not answered: {why}");
        }
        answer
    }

    async fn make_answer(&self, peer: PeerId, class: &Class, nonce: Nonce) -> Result<Ticket, Unanswered> {
        let answers = self.answers();
        let make = lock(&answers.answerers).get(class).cloned().ok_or(Unanswered::NotHere)?;
        let (wall, now) = self.now();
        let turn = lock(&answers.turns).take(peer, now);
        turn.map_err(|after| Unanswered::TooOften {
            after_ms: u32::try_from(after.as_millis()).unwrap_or(u32::MAX),
        })?;
        // Never closed; if it were, nobody would be answered.
        let Ok(Ok(_making)) = timeout(TURN, answers.making.acquire()).await else {
            return Err(Unanswered::Busy);
        };
        let (network, peer) = (self.network().to_owned(), self.transport().id());
        let challenged = Challenged { network, peer, nonce, now: wall };
        let made = catch_unwind(AssertUnwindSafe(|| aside(|| make(&challenged))));
        made.unwrap_or_else(|_| Err("it panicked".to_owned())).map_err(|why| {
            tracing::warn!(target: "mosaik::admission", %class, "a challenge cannot be answered: {}", shown(&why));
            Unanswered::Failed
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    #[tokio::test(start_paused = true)]
    async fn each_peer_has_its_share_and_all_have_theirs() {
        let (mut turns, start) = (Turns::default(), Instant::now());
        let granted =
            |turns: &mut Turns, n, now| (0..100).filter(|_| turns.take(peer(n), now).is_ok()).count();
        assert_eq!(granted(&mut turns, 1, start), 4);
        assert_eq!(turns.take(peer(1), start), Err(OF_ONE.then));
        assert_eq!((2..30).map(|n| granted(&mut turns, n, start)).sum::<usize>(), 12, "of all together 16");
        let minute = start + Duration::from_secs(60);
        assert_eq!(granted(&mut turns, 1, minute), 4, "its share is whole again");
        assert_eq!(turns.of_peers.len(), 1, "others are not remembered");
        let hour = (0..3600).map(|second| granted(&mut turns, 1, minute + Duration::from_secs(second)));
        assert_eq!(hour.sum::<usize>(), 359, "one in ten seconds");
    }
}
