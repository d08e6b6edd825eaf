//! Asks validators: behind a deadline, a cap and a panic wall, and each question once.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

use super::{
    Denial, Nonce, Revocations, Shown, Ticket, TicketId, Trusted, Valid, Verdict,
    cache::{Cache, Kept, Question},
};
use crate::primitives::{PeerId, Wall};

/// What a checker may use.
#[derive(Debug, Clone, Copy)]
pub struct CheckerLimits {
    /// How long a validator may take.
    pub deadline: Duration,
    /// How long a check may wait for its turn.
    pub wait: Duration,
    /// How many checks of one validator run at once.
    pub at_once: usize,
    /// How many of these may be about one peer.
    pub of_one_peer: usize,
    /// How many verdicts are kept.
    pub verdicts: usize,
}

impl Default for CheckerLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            wait: Duration::from_millis(500),
            at_once: 16,
            of_one_peer: 4,
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
    state: Mutex<State>,
    revocations: Mutex<Arc<[Arc<dyn Revocations>]>>,
    asked: AtomicU64,
}

struct State {
    cache: Cache,
    /// How often everything was forgotten: a check that began before is not kept.
    forgotten: u64,
    /// Checks under way, with the generation that they began with; whoever comes later waits for the same answer.
    running: BTreeMap<(Question, u64), Weak<OnceCell<Verdict>>>,
    /// The turns of each validator, and of each peer at it while there are any.
    turns: BTreeMap<Arc<str>, Arc<Semaphore>>,
    turns_of_peers: BTreeMap<(PeerId, Arc<str>), Weak<Semaphore>>,
}

impl Checker {
    /// A checker for the network of this name.
    pub fn new(network: &str, limits: CheckerLimits) -> Self {
        let state = State {
            cache: Cache::new(limits.verdicts),
            forgotten: 0,
            running: BTreeMap::new(),
            turns: BTreeMap::new(),
            turns_of_peers: BTreeMap::new(),
        };
        Self(Arc::new(Inner {
            network: network.to_owned(),
            limits,
            state: Mutex::new(state),
            revocations: Mutex::new(Arc::new([])),
            asked: AtomicU64::new(0),
        }))
    }

    /// Refuses, from now on, what is in `revocations`.
    pub fn revoke_by(&self, revocations: Arc<dyn Revocations>) {
        let mut all = self.0.revocations.lock().unwrap_or_else(PoisonError::into_inner);
        *all = all.iter().cloned().chain([revocations]).collect();
    }

    /// Lets revocations look whether they changed; says what stands in the way.
    pub fn refresh(&self) -> Vec<String> {
        let all = self.revocations();
        let refresh = |one: &Arc<dyn Revocations>| {
            catch_unwind(AssertUnwindSafe(|| one.refresh())).unwrap_or_else(|_| Err("it panicked".to_owned()))
        };
        all.iter().filter_map(|one| refresh(one).err()).collect()
    }

    /// What is known already of the ticket that `peer` shows, or that it was revoked.
    pub fn recall(&self, trusted: &Trusted, ticket: TicketId, peer: PeerId, now: Wall) -> Option<Verdict> {
        let question = Question { ticket, peer, validator: trusted.name().clone() };
        let generation = match trusted.generation() {
            Ok(generation) => generation,
            Err(panicked) => return Some(Err(panicked.into())),
        };
        let kept = self.state().cache.get(&question, generation, now);
        let twins = kept.as_ref().map(|kept| &*kept.twins).unwrap_or_default();
        if let Err(denial) = self.not_revoked(std::iter::once(&ticket).chain(twins)) {
            return Some(Err(denial));
        }
        Some(kept?.verdict)
    }

    /// What `trusted` says of the ticket that `peer` shows. Answers from the cache where it can; whatever goes wrong is a
    /// refusal. `peer` must be the one that TLS proved.
    pub async fn check(&self, trusted: &Trusted, ticket: &Ticket, peer: PeerId, now: Wall) -> Verdict {
        if let Some(verdict) = self.recall(trusted, ticket.id(), peer, now) {
            return verdict;
        }
        let question = Question { ticket: ticket.id(), peer, validator: trusted.name().clone() };
        let (generation, twins) = (trusted.generation()?, trusted.twins(ticket)?);
        self.not_revoked(&twins)?;
        let twins = twins.into();
        let (cell, forgotten) = {
            let mut state = self.state();
            (state.running(&question, generation), state.forgotten)
        };
        let ask = || self.ask(trusted, Shown { ticket, peer, network: &self.0.network, now });
        let verdict = cell.get_or_init(ask).await.clone();
        let mut state = self.state();
        if state.running.remove(&(question.clone(), generation)).is_some() && state.forgotten == forgotten {
            state.cache.put(question, generation, Kept { verdict: verdict.clone(), twins }, now);
        }
        verdict
    }

    /// What `trusted` says of an answer to a challenge with this nonce. There is nothing to keep: no other question has this answer.
    pub async fn check_answer(
        &self,
        trusted: &Trusted,
        answer: &Ticket,
        nonce: &Nonce,
        peer: PeerId,
        now: Wall,
    ) -> Verdict {
        let shown = Shown { ticket: answer, peer, network: &self.0.network, now };
        self.counted(self.in_turn(trusted, shown, trusted.answered(shown, nonce)).await)
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

    /// The other names of a ticket of which something is known.
    pub(crate) fn twins(
        &self,
        trusted: &Trusted,
        ticket: TicketId,
        peer: PeerId,
        generation: u64,
    ) -> Option<Arc<[TicketId]>> {
        let question = Question { ticket, peer, validator: trusted.name().clone() };
        self.state().cache.twins(&question, generation)
    }

    /// How often everything was forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.state().forgotten
    }

    /// That none of these names is revoked.
    pub(crate) fn not_revoked<'a>(
        &self,
        names: impl IntoIterator<Item = &'a TicketId> + Clone,
    ) -> Result<(), Denial> {
        for revocations in &*self.revocations() {
            let revoked = || names.clone().into_iter().any(|id| revocations.contains(id));
            if catch_unwind(AssertUnwindSafe(revoked)).map_err(|_| Denial::Panicked)? {
                return Err(Denial::Revoked);
            }
        }
        Ok(())
    }

    async fn ask(&self, trusted: &Trusted, shown: Shown<'_>) -> Verdict {
        self.counted(self.in_turn(trusted, shown, trusted.validate(shown)).await)
    }

    fn counted(&self, verdict: Verdict) -> Verdict {
        let code = verdict.as_ref().map_or_else(Denial::code, |_| "valid");
        metrics::counter!("mosaik_tickets_checked_total", "verdict" => code).increment(1);
        verdict
    }

    async fn in_turn(
        &self,
        trusted: &Trusted,
        shown: Shown<'_>,
        asked: impl Future<Output = Verdict>,
    ) -> Verdict {
        let CheckerLimits { deadline: limit, wait, .. } = self.0.limits;
        let (of_peer, of_all) = self.state().turns(shown.peer, trusted.name(), &self.0.limits);
        // The peer's own turn comes first, so that its others wait without taking anybody's place.
        let turns = async { (of_peer.acquire().await, of_all.acquire().await) };
        // The semaphores are never closed; if they were, nobody would be let in.
        let Ok((Ok(_of_peer), Ok(_turn))) = timeout(wait, turns).await else { return Err(Denial::Busy) };
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        match timeout(limit, asked).await {
            Ok(Ok(Valid { until })) if until <= shown.now => {
                Err(Denial::Expired { ago: shown.now.distance(until) })
            }
            Ok(verdict) => verdict,
            Err(_) => Err(Denial::TimedOut { limit }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn revocations(&self) -> Arc<[Arc<dyn Revocations>]> {
        self.0.revocations.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// The turns of one peer at one validator, and of all peers at it.
    fn turns(
        &mut self,
        peer: PeerId,
        validator: &Arc<str>,
        limits: &CheckerLimits,
    ) -> (Arc<Semaphore>, Arc<Semaphore>) {
        let fresh = || Arc::new(Semaphore::new(limits.at_once));
        let of_all = self.turns.entry(validator.clone()).or_insert_with(fresh).clone();
        let key = (peer, validator.clone());
        if let Some(of_peer) = self.turns_of_peers.get(&key).and_then(Weak::upgrade) {
            return (of_peer, of_all);
        }
        self.turns_of_peers.retain(|_, turns| turns.strong_count() > 0);
        let of_peer = Arc::new(Semaphore::new(limits.of_one_peer));
        self.turns_of_peers.insert(key, Arc::downgrade(&of_peer));
        (of_peer, of_all)
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
    use crate::tickets::{Class, Validation, Validator, validator};

    const PEER: PeerId = PeerId::from_bytes([1; 32]);

    fn ticket(text: &'static str) -> Ticket {
        Ticket::new(Class::jwt(), text).expect("fits")
    }

    fn checker() -> Checker {
        Checker::new("net", CheckerLimits::default())
    }

    fn trust(validator: impl Validator) -> Trusted {
        Trusted::new(Arc::new(validator)).expect("it says who it is")
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
        let yes = trust(validator("Yes", Class::jwt(), |_| valid(100)));
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
        let panics = trust(validator("Panics", Class::jwt(), |_| panic!("on purpose")));
        let verdict = checker.check(&panics, &ticket("a"), PEER, Wall(1)).await;
        assert_eq!(verdict, Err(Denial::Panicked));
        let limit = CheckerLimits::default().deadline;
        let verdict = checker.check(&trust(Hangs), &ticket("a"), PEER, Wall(1)).await;
        assert_eq!(verdict, Err(Denial::TimedOut { limit }));
        let yes = trust(validator("Yes", Class::jwt(), |_| valid(100)));
        assert_eq!(checker.check(&yes, &ticket("a"), PEER, Wall(1)).await, valid(100), "the others go on");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_cap_run_at_once_and_the_rest_is_told_so() {
        let limits = CheckerLimits { at_once: 2, ..CheckerLimits::default() };
        let (checker, hangs) = (Checker::new("net", limits), trust(Hangs));
        let tickets = ["a", "b", "c", "d"].map(ticket);
        let all = join_all(tickets.iter().map(|t| checker.check(&hangs, t, PEER, Wall(1)))).await;
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
        let (checker, ticket, hangs) = (checker(), ticket("a"), trust(HangsOnce(first)));
        let given_up =
            timeout(Duration::from_millis(10), checker.check(&hangs, &ticket, PEER, Wall(1))).await;
        assert!(given_up.is_err());
        assert_eq!(checker.check(&hangs, &ticket, PEER, Wall(1)).await, valid(100));
        assert!(checker.state().running.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn t1_what_ends_now_is_over() {
        let checker = checker();
        let over = trust(validator("Over", Class::jwt(), |shown| Ok(Valid { until: shown.now })));
        let verdict = checker.check(&over, &ticket("a"), PEER, Wall(7)).await;
        assert_eq!(verdict, Err(Denial::Expired { ago: Duration::ZERO }));
    }

    #[tokio::test(start_paused = true)]
    async fn t5_one_peer_and_one_validator_hold_up_nobody_else() {
        let (checker, hangs) = (checker(), trust(Hangs));
        let yes = trust(validator("Yes", Class::jwt(), |_| valid(100)));
        let limits = CheckerLimits::default();
        let tickets: Vec<_> =
            (0..64u8).map(|n| Ticket::new(Class::jwt(), vec![n + 1]).expect("fits")).collect();
        let many = join_all(tickets.iter().map(|t| checker.check(&hangs, t, PEER, Wall(1))));
        let other = PeerId::from_bytes([2; 32]);
        let bystanders = async {
            let at_the_same = checker.check(&hangs, &tickets[0], other, Wall(1)).await;
            (at_the_same, checker.check(&yes, &tickets[0], PEER, Wall(1)).await)
        };
        let (many, (at_the_same, elsewhere)) = futures::join!(many, bystanders);
        let timed_out = Err(Denial::TimedOut { limit: limits.deadline });
        assert_eq!(many.iter().filter(|verdict| **verdict == timed_out).count(), limits.of_one_peer);
        assert_eq!((at_the_same, elsewhere), (timed_out, valid(100)), "they had their turn");
        let again = checker.check(&hangs, &tickets[63], PEER, Wall(1)).await;
        assert_ne!(again, Err(Denial::Busy), "that there was no room is not kept");
    }

    #[tokio::test(start_paused = true)]
    async fn t2_what_is_revoked_is_refused_from_the_next_look_on() {
        struct Taken(Arc<Mutex<Vec<TicketId>>>);
        impl Revocations for Taken {
            fn contains(&self, id: &TicketId) -> bool {
                self.0.lock().expect("whole").contains(id)
            }
        }
        struct WithTwin(TicketId);
        impl Validator for WithTwin {
            fn name(&self) -> &str {
                "WithTwin"
            }
            fn class(&self) -> Class {
                Class::jwt()
            }
            fn twins(&self, _: &Ticket) -> Vec<TicketId> {
                vec![self.0]
            }
            fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
                Box::pin(async { valid(100) })
            }
        }
        let (checker, ticket, twin) = (checker(), ticket("a"), TicketId::from_bytes([9; 32]));
        let (taken, trusted) = (Arc::default(), trust(WithTwin(twin)));
        checker.revoke_by(Arc::new(Taken(Arc::clone(&taken))));
        for name in [ticket.id(), twin] {
            taken.lock().expect("whole").clear();
            assert_eq!(checker.check(&trusted, &ticket, PEER, Wall(1)).await, valid(100));
            taken.lock().expect("whole").push(name);
            assert_eq!(checker.check(&trusted, &ticket, PEER, Wall(1)).await, Err(Denial::Revoked));
            assert_eq!(checker.recall(&trusted, ticket.id(), PEER, Wall(1)), Some(Err(Denial::Revoked)));
        }
        assert_eq!(checker.asked(), 1);
    }
}
