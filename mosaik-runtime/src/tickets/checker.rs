//! Asks validators: behind a deadline, a cap and a panic wall, and each question once.

use std::{
    collections::BTreeMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

use super::{
    Denial, Shown, Ticket, Valid, Validator, Verdict,
    cache::{Cache, Question},
};
use crate::primitives::{PeerId, Wall};

/// What a checker may use.
#[derive(Debug, Clone, Copy)]
pub struct CheckerLimits {
    /// How long a validator may take.
    pub deadline: Duration,
    /// How long a check may wait for its turn.
    pub wait: Duration,
    /// How many checks run at once.
    pub at_once: usize,
    /// How many verdicts are kept.
    pub verdicts: usize,
}

impl Default for CheckerLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            wait: Duration::from_millis(500),
            at_once: 16,
            verdicts: 4096,
        }
    }
}

/// Asks validators about tickets, each question once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Checker(Arc<Inner>);

struct Inner {
    network: String,
    limits: CheckerLimits,
    turns: Semaphore,
    state: Mutex<State>,
    asked: AtomicU64,
}

struct State {
    cache: Cache,
    /// How often everything was forgotten: a check that began before is not kept.
    forgotten: u64,
    /// Checks under way, with the generation that they began with; whoever comes later waits for the same answer.
    running: BTreeMap<(Question, u64), Weak<OnceCell<Verdict>>>,
}

impl Checker {
    /// A checker for the network of this name.
    pub fn new(network: &str, limits: CheckerLimits) -> Self {
        let state = State { cache: Cache::new(limits.verdicts), forgotten: 0, running: BTreeMap::new() };
        Self(Arc::new(Inner {
            network: network.to_owned(),
            limits,
            turns: Semaphore::new(limits.at_once),
            state: Mutex::new(state),
            asked: AtomicU64::new(0),
        }))
    }

    /// What `validator` says of the ticket that `peer` shows. Answers from the cache where it can; whatever goes wrong is a
    /// refusal. `peer` must be the one that TLS proved.
    pub async fn check(
        &self,
        validator: &dyn Validator,
        ticket: &Ticket,
        peer: PeerId,
        now: Wall,
    ) -> Verdict {
        let question = Question { ticket: ticket.id(), peer, validator: validator.name().to_owned() };
        let generation = validator.generation();
        let (cell, forgotten) = {
            let mut state = self.state();
            if let Some(verdict) = state.cache.get(&question, generation, now) {
                return verdict;
            }
            (state.running(&question, generation), state.forgotten)
        };
        let ask = || self.ask(validator, Shown { ticket, peer, network: &self.0.network, now });
        let verdict = cell.get_or_init(ask).await.clone();
        let mut state = self.state();
        if state.running.remove(&(question.clone(), generation)).is_some() && state.forgotten == forgotten {
            state.cache.put(question, generation, verdict.clone(), now);
        }
        verdict
    }

    /// Forgets every verdict: the wall clock jumped.
    pub fn forget(&self) {
        let mut state = self.state();
        state.forgotten += 1;
        state.cache.clear();
        state.running.clear();
    }

    /// How many times a validator was asked.
    pub fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// How many verdicts are kept.
    pub fn known(&self) -> usize {
        self.state().cache.len()
    }

    async fn ask(&self, validator: &dyn Validator, shown: Shown<'_>) -> Verdict {
        let verdict = self.ask_in_turn(validator, shown).await;
        let code = verdict.as_ref().map_or_else(Denial::code, |_| "valid");
        metrics::counter!("mosaik_tickets_checked_total", "verdict" => code).increment(1);
        verdict
    }

    async fn ask_in_turn(&self, validator: &dyn Validator, shown: Shown<'_>) -> Verdict {
        let CheckerLimits { deadline: limit, wait, .. } = self.0.limits;
        // The semaphore is never closed; if it were, nobody would be let in.
        let Ok(Ok(_turn)) = timeout(wait, self.0.turns.acquire()).await else { return Err(Denial::Busy) };
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        // What a validator does when it is called belongs behind the wall, too.
        let decided = AssertUnwindSafe(async { validator.validate(shown).await }).catch_unwind();
        match timeout(limit, decided).await {
            Ok(Ok(Ok(Valid { until }))) if until <= shown.now => {
                Err(Denial::Expired { ago: shown.now.distance(until) })
            }
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Err(Denial::Panicked),
            Err(_) => Err(Denial::TimedOut { limit }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running(&mut self, question: &Question, generation: u64) -> Arc<OnceCell<Verdict>> {
        let key = (question.clone(), generation);
        if let Some(cell) = self.running.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        // Checks that everybody gave up waiting for leave nothing behind.
        self.running.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::new(OnceCell::new());
        self.running.insert(key, Arc::downgrade(&cell));
        cell
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").field("network", &self.network).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::atomic::AtomicBool};

    use futures::future::join_all;

    use super::*;
    use crate::tickets::{Class, Validation, validator};

    const PEER: PeerId = PeerId::from_bytes([1; 32]);

    fn ticket(text: &'static str) -> Ticket {
        Ticket::new(Class::jwt(), text).expect("fits")
    }

    fn checker() -> Checker {
        Checker::new("net", CheckerLimits::default())
    }

    fn valid(until: u64) -> Verdict {
        Ok(Valid { until: Wall(until) })
    }

    /// Never answers.
    struct Hangs;

    impl Validator for Hangs {
        fn name(&self) -> &str {
            "Hangs"
        }

        fn class(&self) -> Class {
            Class::jwt()
        }

        fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
            Box::pin(pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn t4_a_question_is_asked_once_also_by_many_at_once() {
        let checker = checker();
        let yes = validator("Yes", Class::jwt(), |_| valid(100));
        let ticket = ticket("a");
        let all = join_all((0..200).map(|_| checker.check(&yes, &ticket, PEER, Wall(1)))).await;
        assert!(all.into_iter().all(|verdict| verdict == valid(100)));
        assert_eq!(checker.asked(), 1);
        for now in 1..100 {
            assert_eq!(checker.check(&yes, &ticket, PEER, Wall(now)).await, valid(100));
        }
        assert_eq!((checker.asked(), checker.known()), (1, 1));
        let other = PeerId::from_bytes([2; 32]);
        checker.check(&yes, &ticket, other, Wall(1)).await.expect("valid");
        assert_eq!(checker.asked(), 2, "t3: another peer with the same ticket is another question");
        checker.forget();
        assert_eq!(checker.known(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn t5_a_validator_that_panics_or_hangs_has_refused() {
        let checker = checker();
        let panics = validator("Panics", Class::jwt(), |_| panic!("on purpose"));
        let verdict = checker.check(&panics, &ticket("a"), PEER, Wall(1)).await;
        assert_eq!(verdict, Err(Denial::Panicked));
        let limit = CheckerLimits::default().deadline;
        let verdict = checker.check(&Hangs, &ticket("a"), PEER, Wall(1)).await;
        assert_eq!(verdict, Err(Denial::TimedOut { limit }));
        let yes = validator("Yes", Class::jwt(), |_| valid(100));
        assert_eq!(checker.check(&yes, &ticket("a"), PEER, Wall(1)).await, valid(100), "the others go on");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_cap_run_at_once_and_the_rest_is_told_so() {
        let limits = CheckerLimits { at_once: 2, ..CheckerLimits::default() };
        let checker = Checker::new("net", limits);
        let tickets = ["a", "b", "c", "d"].map(ticket);
        let all = join_all(tickets.iter().map(|t| checker.check(&Hangs, t, PEER, Wall(1)))).await;
        let timed_out = Err(Denial::TimedOut { limit: limits.deadline });
        assert_eq!(all, [timed_out.clone(), timed_out, Err(Denial::Busy), Err(Denial::Busy)]);
        assert_eq!(checker.asked(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_is_given_up_is_taken_over() {
        let first = Arc::new(AtomicBool::new(true));
        struct HangsOnce(Arc<AtomicBool>);
        impl Validator for HangsOnce {
            fn name(&self) -> &str {
                "HangsOnce"
            }
            fn class(&self) -> Class {
                Class::jwt()
            }
            fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
                Box::pin(async move {
                    if self.0.swap(false, Ordering::Relaxed) {
                        pending::<()>().await;
                    }
                    valid(100)
                })
            }
        }
        let (checker, ticket, hangs) = (checker(), ticket("a"), HangsOnce(first));
        let given_up =
            timeout(Duration::from_millis(10), checker.check(&hangs, &ticket, PEER, Wall(1))).await;
        assert!(given_up.is_err());
        assert_eq!(checker.check(&hangs, &ticket, PEER, Wall(1)).await, valid(100));
        assert!(checker.state().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn t1_what_ends_now_is_over() {
        let checker = checker();
        let over = validator("Over", Class::jwt(), |shown| Ok(Valid { until: shown.now }));
        let verdict = checker.check(&over, &ticket("a"), PEER, Wall(7)).await;
        assert_eq!(verdict, Err(Denial::Expired { ago: Duration::ZERO }));
    }
}
