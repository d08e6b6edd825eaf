//! The line of changes: state first, every change once, a bound for who is slow. What is published, and when.

mod encoding;
mod joint;
mod published;

use std::sync::{Arc, Mutex};

use futures::{FutureExt, StreamExt};

use super::{Change, Changes, Line, line::KEPT};
use crate::{
    collections::core::{Container, Set, SetChange, SetOperation, Step},
    groups::{Timestamp, Version},
};

type Numbers = Set<u64>;

struct Source {
    line: Arc<Line<Numbers>>,
    /// None while it is being made anew.
    state: Arc<Mutex<Option<(Version, Numbers)>>>,
}

impl Source {
    fn new() -> Self {
        Self { line: Arc::new(Line::new()), state: Arc::new(Mutex::new(Some(Default::default()))) }
    }

    fn changes(&self) -> Changes<Numbers> {
        let state = self.state.clone();
        let newest = move |see: &mut dyn FnMut(Version, &Arc<Numbers>)| {
            if let Some((version, state)) = &*state.lock().expect("no panic") {
                see(*version, &Arc::new(state.clone()));
            }
        };
        Changes::new(self.line.clone(), Box::new(newest))
    }

    fn insert(&mut self, items: impl IntoIterator<Item = u64>) {
        let (mut changes, mut answer) = (Vec::new(), Vec::new());
        let items = items.into_iter().collect();
        let mut step = Step::new(Timestamp::BIRTH, &mut changes, &mut answer);
        let mut state = self.state.lock().expect("no panic");
        let (version, state) = state.as_mut().expect("a state");
        state.apply(SetOperation::Extend { items }, &mut step);
        version.index += 1;
        self.line.push(*version, &changes);
    }
}

/// What a reader has taken in, from the changes alone after the first state.
#[derive(Default)]
struct Copy {
    items: Vec<u64>,
    version: u64,
    snapshots: u32,
}

impl Copy {
    fn take(&mut self, change: Change<Numbers>) {
        match change {
            Change::Snapshot(snapshot) => {
                self.items = snapshot.iter().copied().collect();
                self.version = snapshot.version().index;
                self.snapshots += 1;
            }
            Change::Changed { version, change: SetChange::Inserted(item) } => {
                assert!(version.index >= self.version, "versions never go back");
                self.version = version.index;
                self.items.push(item);
            }
            Change::Changed { change, .. } => panic!("nobody removes: {change:?}"),
        }
    }

    fn take_all(&mut self, changes: &mut Changes<Numbers>) {
        while let Some(Some(change)) = changes.next().now_or_never() {
            self.take(change);
        }
    }
}

#[test]
fn a_state_first_and_then_every_change_without_a_gap() {
    let mut source = Source::new();
    source.insert(0..10);
    let (mut early, mut copy) = (source.changes(), Copy::default());
    copy.take_all(&mut early);
    source.insert(10..20);
    let (mut late, mut other) = (source.changes(), Copy::default());
    source.insert([]);
    source.insert(20..25);
    copy.take_all(&mut early);
    other.take_all(&mut late);
    for copy in [copy, other] {
        assert_eq!((copy.items, copy.snapshots), ((0..25).collect(), 1));
    }
}

#[test]
fn who_is_too_slow_gets_the_state_again_and_others_do_not() {
    let mut source = Source::new();
    let (mut slow, mut slow_copy) = (source.changes(), Copy::default());
    let (mut quick, mut quick_copy) = (source.changes(), Copy::default());
    slow_copy.take_all(&mut slow);
    let (each, rounds) = (1000, KEPT as u64 / 1000 + 5);
    for round in 0..rounds {
        source.insert(round * each..(round + 1) * each);
        quick_copy.take_all(&mut quick);
    }
    assert_eq!(quick_copy.snapshots, 1);
    slow_copy.take_all(&mut slow);
    assert_eq!(slow_copy.snapshots, 2);
    source.insert([rounds * each]);
    for (copy, changes) in [(&mut slow_copy, &mut slow), (&mut quick_copy, &mut quick)] {
        copy.take_all(changes);
        assert_eq!(copy.items, (0..=rounds * each).collect::<Vec<_>>());
    }
}

#[test]
fn what_everybody_has_is_not_kept() {
    let mut source = Source::new();
    let mut one = source.changes();
    let two = source.changes();
    for round in 0..100 {
        source.insert([round]);
        Copy::default().take_all(&mut one);
    }
    assert_eq!(source.line.batches(), 0, "who has not begun needs none of them");
    let mut three = source.changes();
    Copy::default().take_all(&mut three);
    source.insert([1000]);
    Copy::default().take_all(&mut one);
    assert_eq!(source.line.batches(), 1, "one is behind");
    drop((two, three));
    assert_eq!(source.line.batches(), 0);
}

#[test]
fn another_state_begins_anew_and_an_end_ends() {
    let mut source = Source::new();
    let (mut changes, mut copy) = (source.changes(), Copy::default());
    copy.take_all(&mut changes);
    source.insert(0..5);
    let other: Numbers = [7, 8].into_iter().collect();
    *source.state.lock().expect("no panic") = Some((Version::default(), other));
    source.line.restart();
    copy.take_all(&mut changes);
    assert_eq!((copy.items, copy.snapshots), (vec![7, 8], 2));
    source.line.end();
    assert!(changes.next().now_or_never().expect("at once").is_none());
}

#[tokio::test]
async fn who_asks_for_a_state_that_is_being_made_anew_is_told_when_it_is_there() {
    let mut source = Source::new();
    source.insert(0..3);
    let there = source.state.lock().expect("no panic").take();
    let mut changes = source.changes();
    assert!(changes.next().now_or_never().is_none());
    let (next, ()) = tokio::join!(biased; changes.next(), async {
        *source.state.lock().expect("no panic") = there;
        source.line.passed();
    });
    assert!(matches!(next, Some(Change::Snapshot(state)) if state.len() == 3));
}

#[tokio::test]
async fn a_filter_leaves_out_the_others_and_a_wait_is_woken() {
    let mut source = Source::new();
    let mut even = source.changes().only(|change| change.item().is_some_and(|item| item % 2 == 0));
    assert!(matches!(StreamExt::next(&mut even).await, Some(Change::Snapshot(_))));
    let (next, ()) = tokio::join!(biased; StreamExt::next(&mut even), async { source.insert(0..3) });
    assert!(matches!(next, Some(Change::Changed { change: SetChange::Inserted(0), .. })), "{next:?}");
    let next = Changes::next(&mut even).await;
    assert!(matches!(next, Some(Change::Changed { change: SetChange::Inserted(2), .. })), "{next:?}");
    let (next, ()) = tokio::join!(biased; Changes::next(&mut even), async {
        source.insert([5]);
        source.insert([4]);
    });
    assert!(matches!(next, Some(Change::Changed { change: SetChange::Inserted(4), .. })), "{next:?}");
}
