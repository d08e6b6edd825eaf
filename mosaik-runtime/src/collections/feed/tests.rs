//! The line of changes: state first, every change once, a bound for who is slow.

use std::sync::Arc;

use futures::{FutureExt, StreamExt};

use super::{Change, Changes, Line, line::KEPT};
use crate::{
    collections::core::{Container, Set, SetChange, SetOperation, Step},
    groups::{Timestamp, Version},
};

type Numbers = Set<u64>;

struct Source {
    line: Arc<Line<Numbers>>,
    state: Numbers,
    version: Version,
}

impl Source {
    fn new() -> Self {
        Self { line: Arc::new(Line::new()), state: Numbers::default(), version: Version::default() }
    }

    fn insert(&mut self, items: impl IntoIterator<Item = u64>) {
        let (mut changes, mut answer) = (Vec::new(), Vec::new());
        let items = items.into_iter().collect();
        let mut step = Step::new(Timestamp::BIRTH, &mut changes, &mut answer);
        self.state.apply(SetOperation::Extend { items }, &mut step);
        self.version.index += 1;
        self.line.push(self.version, &Arc::new(self.state.clone()), &changes);
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
    let (mut early, mut copy) = (Changes::new(source.line.clone()), Copy::default());
    copy.take_all(&mut early);
    source.insert(10..20);
    let (mut late, mut other) = (Changes::new(source.line.clone()), Copy::default());
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
    let (mut slow, mut slow_copy) = (Changes::new(source.line.clone()), Copy::default());
    let (mut quick, mut quick_copy) = (Changes::new(source.line.clone()), Copy::default());
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
    let mut one = Changes::new(source.line.clone());
    let two = Changes::new(source.line.clone());
    for round in 0..100 {
        source.insert([round]);
        Copy::default().take_all(&mut one);
    }
    assert_eq!(source.line.batches(), 0, "who has not begun needs none of them");
    let mut three = Changes::new(source.line.clone());
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
    let (mut changes, mut copy) = (Changes::new(source.line.clone()), Copy::default());
    copy.take_all(&mut changes);
    source.insert(0..5);
    let other: Numbers = [7, 8].into_iter().collect();
    source.line.restart(Version { index: 1, ..source.version }, &Arc::new(other));
    copy.take_all(&mut changes);
    assert_eq!((copy.items, copy.snapshots), (vec![7, 8], 2));
    source.line.end();
    assert!(changes.next().now_or_never().expect("at once").is_none());
}

#[tokio::test]
async fn a_filter_leaves_out_the_others_and_a_wait_is_woken() {
    let mut source = Source::new();
    let mut even =
        Changes::new(source.line.clone()).only(|change| change.item().is_some_and(|item| item % 2 == 0));
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
