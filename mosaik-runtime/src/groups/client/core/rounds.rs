//! Which round of the leader answers which strong read.
//!
//! One round is under way at a time. It answers whoever asked before it began, and nobody who asked later: what was acknowledged in
//! between might not be in it.

use std::time::Duration;

use tokio::time::Instant;

/// How long to wait after a round that failed, at first; doubled each time.
const RETRY: Duration = Duration::from_millis(10);
/// How often that is doubled.
const DOUBLINGS: u32 = 4;

/// Readers `R`, who wait until some time at most.
#[derive(Debug)]
pub(in crate::groups::client) struct Rounds<R> {
    under_way: bool,
    /// Who is answered by the round under way.
    now: Vec<(Instant, R)>,
    /// Who is answered by the next one.
    next: Vec<(Instant, R)>,
    retry: Option<Instant>,
    failures: u32,
    /// No reader's time is up before this.
    earliest: Option<Instant>,
}

impl<R> Default for Rounds<R> {
    fn default() -> Self {
        Self { under_way: false, now: Vec::new(), next: Vec::new(), retry: None, failures: 0, earliest: None }
    }
}

impl<R> Rounds<R> {
    /// Somebody asks.
    pub(in crate::groups::client) fn ask(&mut self, deadline: Instant, reader: R) {
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
        self.next.push((deadline, reader));
    }

    /// Whether a round is to be begun; it then is.
    pub(in crate::groups::client) fn begin(&mut self, now: Instant) -> bool {
        if self.under_way || self.next.is_empty() || self.retry.is_some_and(|retry| retry > now) {
            return false;
        }
        self.retry = None;
        self.now = std::mem::take(&mut self.next);
        self.under_way = true;
        true
    }

    /// The round succeeded: these are answered.
    pub(in crate::groups::client) fn succeeded(&mut self) -> impl Iterator<Item = R> + use<R> {
        self.under_way = false;
        self.failures = 0;
        std::mem::take(&mut self.now).into_iter().map(|(_, reader)| reader)
    }

    /// The round failed: who waited for it waits for the next one.
    pub(in crate::groups::client) fn failed(&mut self, now: Instant) {
        self.under_way = false;
        self.now.append(&mut self.next);
        self.next = std::mem::take(&mut self.now);
        self.retry = Some(now + RETRY * 2_u32.pow(self.failures.min(DOUBLINGS)));
        self.failures = self.failures.saturating_add(1);
    }

    /// Another node leads: the next round need not wait.
    pub(in crate::groups::client) fn hurry(&mut self) {
        self.retry = None;
        self.failures = 0;
    }

    /// Those whose time is up.
    pub(in crate::groups::client) fn overdue(&mut self, now: Instant) -> Vec<R> {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return Vec::new();
        }
        let late = |(deadline, _): &mut (Instant, R)| *deadline <= now;
        let mut overdue: Vec<R> = self.now.extract_if(.., late).map(|(_, reader)| reader).collect();
        overdue.extend(self.next.extract_if(.., late).map(|(_, reader)| reader));
        self.earliest = self.now.iter().chain(&self.next).map(|(deadline, _)| *deadline).min();
        overdue
    }

    /// Everybody.
    pub(in crate::groups::client) fn end(&mut self) -> Vec<R> {
        self.now.append(&mut self.next);
        std::mem::take(&mut self.now).into_iter().map(|(_, reader)| reader).collect()
    }

    /// Whether somebody waits for a round that is not under way.
    pub(in crate::groups::client) fn is_waiting(&self) -> bool {
        !self.next.is_empty()
    }

    /// When time alone changes something.
    pub(in crate::groups::client) fn wake(&self) -> Option<Instant> {
        let retry = self.retry.filter(|_| !self.under_way && !self.next.is_empty());
        self.earliest.into_iter().chain(retry).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn lc8_a_reader_is_never_answered_by_a_round_that_began_before_it_asked() {
        let (now, mut rounds) = (Instant::now(), Rounds::default());
        rounds.ask(now + after(100), 'a');
        assert!(rounds.begin(now));
        rounds.ask(now + after(100), 'b');
        assert!(!rounds.begin(now), "one at a time");
        assert_eq!(rounds.succeeded().collect::<Vec<_>>(), ['a']);
        assert!(rounds.begin(now));
        rounds.failed(now);
        assert!(!rounds.begin(now), "not at once");
        assert_eq!(rounds.wake(), Some(now + RETRY));
        rounds.hurry();
        assert!(rounds.begin(now));
        assert_eq!(rounds.succeeded().collect::<Vec<_>>(), ['b']);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ask(u64),
        Succeed,
        Fail,
        Pass(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (1..80_u64).prop_map(Step::Ask),
            2 => Just(Step::Succeed),
            1 => Just(Step::Fail),
            2 => (1..30_u64).prop_map(Step::Pass),
        ];
        prop::collection::vec(step, 1..80)
    }

    proptest! {
        /// Every reader is told once: by a round that began after it asked, or by its deadline.
        #[test]
        fn r7_every_reader_is_told_once_and_by_a_later_round(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let _inside = runtime.enter();
            let (mut now, mut rounds) = (Instant::now(), Rounds::default());
            // Who asked at which step, until when; the round under way began at which step.
            let (mut open, mut begun) = (std::collections::BTreeMap::new(), None);
            for (at, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Ask(millis) => {
                        open.insert(at, now + after(millis));
                        rounds.ask(now + after(millis), at);
                    }
                    Step::Succeed if begun.is_some() => {
                        let begun = begun.take().expect("a round");
                        for reader in rounds.succeeded() {
                            prop_assert!(reader <= begun && open.remove(&reader).is_some());
                        }
                        prop_assert!(open.keys().all(|reader| *reader > begun), "somebody was left out");
                    }
                    Step::Fail if begun.take().is_some() => rounds.failed(now),
                    Step::Succeed | Step::Fail => {}
                    Step::Pass(millis) => now += after(millis),
                }
                for reader in rounds.overdue(now) {
                    prop_assert!(open.remove(&reader).is_some_and(|deadline| deadline <= now));
                }
                prop_assert!(open.values().all(|deadline| *deadline > now), "a deadline passed in silence");
                if rounds.begin(now) {
                    begun = Some(at);
                }
                prop_assert!(open.is_empty() || begun.is_some() || rounds.wake().is_some());
            }
            prop_assert_eq!(rounds.end().len(), open.len());
        }
    }
}
