//! Fresh proofs: what peers answered to this node's challenges, and until when that counts.
//!
//! A peer is asked when it shows a good ticket of a validator that wants more than that, and again before its last answer ends. One
//! question of each validator to each peer is under way at a time, in the background.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{
    Tickets,
    exchange::{self, NoAnswer},
};
use crate::{
    primitives::{PeerId, Wall, watch},
    tickets::{Denial, Expiry, Nonce, Trusted, Unanswered, Verdict},
};

/// How long a peer is not asked again that gave no good answer.
const RETRY: Duration = Duration::from_secs(5);
/// A peer that says when it answers again is asked again after this at the latest.
const LATEST: Duration = Duration::from_secs(60);
/// How long before the end of an answer the next one is asked for, as a part of its time.
const EARLY: u32 = 4;
/// Peers whose answers are kept, by validator. Only those come here that show a good ticket.
const MOST: usize = 4096;

/// Who is asked, and by which validator.
type Key = (PeerId, Arc<str>);

/// What is known of the answers of peers.
#[derive(Debug, Clone, Default)]
pub(super) struct Fresh(Arc<Mutex<BTreeMap<Key, Place>>>);

#[derive(Debug, Default)]
struct Place {
    /// Until when the last good answer counts, and when to ask for the next.
    good: Option<(Expiry, Instant)>,
    /// Why there was none at last, and until when not to ask.
    failed: Option<(Denial, Instant)>,
    /// A question under way; true when it is over.
    asking: Option<watch::Receiver<bool>>,
}

/// What is known now.
#[derive(Debug)]
enum Known {
    /// An answer that counts until then.
    Good(Wall),
    /// None, and why.
    Bad(Denial),
    /// Not yet.
    Open(watch::Receiver<bool>),
}

/// A question under way. It is over when this is dropped.
struct Asking {
    fresh: Fresh,
    key: Key,
    over: watch::Sender<bool>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(place) = self.fresh.lock().get_mut(&self.key) {
            place.asking = None;
        }
        self.over.send_replace(true);
    }
}

impl Fresh {
    /// The question that is due, to be asked by whoever gets it.
    fn due(&self, key: &Key, now: Instant) -> Option<Asking> {
        let mut all = self.lock();
        let place = all.entry(key.clone()).or_default();
        let early = place.good.as_ref().is_some_and(|(_, again)| now < *again);
        let late = place.failed.as_ref().is_some_and(|(_, until)| now < *until);
        if place.asking.is_some() || early || late {
            return None;
        }
        let (over, asking) = watch::channel(false);
        place.asking = Some(asking);
        drop(all);
        Some(Asking { fresh: self.clone(), key: key.clone(), over })
    }

    fn known(&self, key: &Key, (wall, now): (Wall, Instant)) -> Known {
        let mut all = self.lock();
        let place = all.entry(key.clone()).or_default();
        if let Some((expiry, _)) = &place.good
            && !expiry.passed(wall, now)
        {
            return Known::Good(expiry.until());
        }
        match (&place.asking, &place.failed) {
            (Some(asking), _) => Known::Open(asking.clone()),
            (None, Some((denial, _))) => Known::Bad(denial.clone()),
            (None, None) => Known::Bad(unanswered("it was not asked yet")),
        }
    }

    /// Keeps what came of a question. That a peer gave no answer takes nothing from the last one before that one's end; a bad answer does.
    fn keep(&self, key: &Key, came: Result<Wall, (Denial, Duration)>, (wall, now): (Wall, Instant)) {
        let mut all = self.lock();
        let place = all.entry(key.clone()).or_default();
        match came {
            Ok(until) => {
                let left = until.distance(wall.min(until));
                let again = now + left - left / EARLY;
                *place = Place {
                    good: Some((Expiry::fix(until, wall, now), again)),
                    asking: place.asking.take(),
                    failed: None,
                };
            }
            Err((denial, wait)) => {
                if !denial.may_pass() {
                    place.good = None;
                }
                place.failed = Some((denial, now + wait));
            }
        }
        // Those that end first make room; one that was never good ends now.
        while all.len() > MOST {
            let end = |place: &Place| place.good.as_ref().map(|(expiry, _)| expiry.until());
            let Some(first) = all.iter().min_by_key(|(_, place)| end(place)).map(|(key, _)| key.clone())
            else {
                return;
            };
            all.remove(&first);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unanswered(why: &str) -> Denial {
    Denial::Unanswered { why: why.to_owned() }
}

impl Tickets {
    /// Until when the last answer of `peer` to a challenge counts; asks for one if there is none, or if it ends soon.
    pub(super) async fn fresh(
        &self,
        trusted: &Trusted,
        peer: PeerId,
        until: Instant,
    ) -> Result<Wall, Denial> {
        let key = (peer, trusted.name().clone());
        if let Some(asking) = self.freshness().due(&key, self.now().1) {
            let (tickets, trusted) = (self.clone(), trusted.clone());
            self.scope().spawn("ticket challenge", async move {
                let came = tickets.challenge(&trusted, peer).await;
                let result = if came.is_ok() { "answered" } else { "unanswered" };
                metrics::counter!("mosaik_tickets_challenges_total", "result" => result).increment(1);
                asking.fresh.keep(&asking.key, came, tickets.now());
            });
        }
        let known = self.freshness().known(&key, self.now());
        let known = match known {
            Known::Open(mut asking) => {
                let _ = timeout_at(until, asking.wait_for(|over| *over)).await;
                self.freshness().known(&key, self.now())
            }
            known => known,
        };
        match known {
            Known::Good(until) => Ok(until),
            Known::Bad(denial) => Err(denial),
            Known::Open(_) => Err(unanswered("it was asked, and takes its time")),
        }
    }

    /// Asks a peer once. An error says how long not to ask again.
    async fn challenge(&self, trusted: &Trusted, peer: PeerId) -> Result<Wall, (Denial, Duration)> {
        let nonce = self.nonce();
        let answer = exchange::challenge(self.transport(), peer, trusted.class().clone(), nonce).await;
        let answer = answer.map_err(|why| match why {
            NoAnswer::Broken(why) => (unanswered(&why), RETRY),
            NoAnswer::Said(said) => {
                let wait = match said {
                    Unanswered::TooOften { after_ms } => Duration::from_millis(after_ms.into()),
                    _ => RETRY,
                };
                (unanswered(&said.to_string()), wait.clamp(RETRY, LATEST))
            }
        })?;
        let verdict: Verdict =
            self.checker().check_answer(trusted, &answer, &nonce, peer, self.now().0).await;
        verdict.map(|valid| valid.until).map_err(|denial| (denial, RETRY))
    }

    /// Bytes that nobody knows yet.
    fn nonce(&self) -> Nonce {
        Nonce::from_bytes(self.rng().bytes_32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> Key {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        (PeerId::from_bytes(bytes), "Image".into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_question_is_under_way_and_the_next_comes_before_the_answer_ends() {
        let (fresh, start) = (Fresh::default(), Instant::now());
        let asking = fresh.due(&key(1), start).expect("nothing is known");
        assert!(fresh.due(&key(1), start).is_none(), "it is under way");
        assert!(matches!(fresh.known(&key(1), (Wall(0), start)), Known::Open(_)));
        fresh.keep(&key(1), Ok(Wall(60_000)), (Wall(0), start));
        drop(asking);
        assert!(matches!(fresh.known(&key(1), (Wall(0), start)), Known::Good(Wall(60_000))));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(fresh.due(&key(1), at(44)).is_none());
        drop(fresh.due(&key(1), at(45)).expect("three quarters are over"));
        let denial = || unanswered("silence");
        fresh.keep(&key(1), Err((denial(), RETRY)), (Wall(46_000), at(46)));
        assert!(
            matches!(fresh.known(&key(1), (Wall(46_000), at(46))), Known::Good(_)),
            "the last one counts"
        );
        assert!(fresh.due(&key(1), at(50)).is_none() && fresh.due(&key(1), at(51)).is_some());
        assert!(
            matches!(fresh.known(&key(1), (Wall(60_000), at(50))), Known::Bad(found) if found == denial())
        );
        assert!(matches!(fresh.known(&key(1), (Wall(0), at(60))), Known::Bad(_)), "a clock that is set back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_answer_ends_the_last_good_one() {
        let (fresh, now) = (Fresh::default(), Instant::now());
        fresh.keep(&key(1), Ok(Wall(60_000)), (Wall(0), now));
        fresh.keep(&key(1), Err((Denial::OtherPeer, RETRY)), (Wall(0), now));
        assert!(matches!(fresh.known(&key(1), (Wall(0), now)), Known::Bad(Denial::OtherPeer)));
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_bounded_and_those_that_count_stay() {
        let (fresh, now) = (Fresh::default(), Instant::now());
        fresh.keep(&key(0), Ok(Wall(60_000)), (Wall(0), now));
        for n in 1..2 * MOST as u32 {
            fresh.keep(&key(n), Err((unanswered("silence"), RETRY)), (Wall(0), now));
        }
        assert_eq!(fresh.lock().len(), MOST);
        assert!(matches!(fresh.known(&key(0), (Wall(0), now)), Known::Good(_)));
    }
}
