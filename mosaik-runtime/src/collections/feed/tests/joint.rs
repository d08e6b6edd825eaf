//! Snapshots of several collections of one group, while transactions change them.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};

use crate::{
    collections::{
        View,
        core::{Set, SetChange, SetOperation},
        feed::{Change, Feed, Source},
        handle::{Copy, Strong},
        machine::{Bundle, Machine, Operation, Part, Request, Slot},
    },
    groups::{
        ReadError,
        machine::{Applier, Applying, Batch, Item, MachineSettings, Payload, Replica, SessionId},
        store::record::LogId,
    },
    primitives::{BootId, PeerId, codec},
};

type Numbers = Set<u64>;

/// Two collections that transactions change together.
struct Two;

impl Bundle for Two {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Numbers>("one"), Part::new::<Numbers>("other")]
    }
}

impl Strong for Replica<Machine<Two>> {
    fn source(&self) -> &dyn Source {
        self
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async { Ok(()) })
    }
}

fn opened() -> (Applier<Machine<Two>>, Arc<Copy>) {
    let (applier, replica) = Applier::new(Machine::default(), MachineSettings::default()).expect("a machine");
    let feed = Arc::new(Feed::new::<Two>());
    let _observing = replica.observe(feed.clone());
    let strong = Arc::new(replica);
    let copy = Copy { intent: "two".into(), parts: Two::parts(), feed, strong, _observing };
    (applier, Arc::new(copy))
}

fn apply(applier: &mut Applier<Machine<Two>>, index: u64, item: Item) {
    let payload = Payload::V1(Batch { items: vec![item], ..Batch::default() });
    let payload = payload.encode().expect("encodes");
    applier.apply(LogId { term: 1, index }, &payload, false).expect("it is applied");
}

/// Puts a number into both.
fn both(index: u64) -> Item {
    let on_both = |operation: &SetOperation<u64>| {
        let body = Bytes::from(codec::encode(operation).expect("encodes"));
        [0, 1].map(|part| Operation { part, body: body.clone() })
    };
    let old = SetOperation::Remove { item: index.saturating_sub(8) };
    let request =
        Request::Operations([SetOperation::Insert { item: index }, old].iter().flat_map(on_both).collect());
    let (session, serial) = (SessionId { index: 1, slot: 0 }, index - 2);
    let (method, body) = (crate::groups::machine::COMMAND, codec::encode(&request).expect("encodes"));
    Item::Command { session, serial, acked_below: serial, method, body: body.into() }
}

#[test]
fn two_collections_of_a_group_are_seen_at_one_version_while_transactions_change_them() {
    const LAST: u64 = 20_000;
    let (mut applier, copy) = opened();
    let (one, other) = (copy.view::<Numbers>("one"), copy.view::<Numbers>("other"));
    let (one, other): (View<Numbers>, View<Numbers>) = (one.expect("there"), other.expect("there"));
    apply(&mut applier, 1, Item::Open { owner: PeerId::from_bytes([7; 32]), boot: BootId(1) });
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut seen, views) = (0, (one, other));
            while seen < LAST {
                let (one, other) = views.0.snapshot_with(&views.1).expect("of one group");
                assert_eq!(
                    (one.version(), one.last()),
                    (other.version(), other.last()),
                    "half a transaction"
                );
                assert!(one.version().index >= seen, "it goes back");
                seen = one.version().index;
                assert!(views.0.is_subset(&views.1) && views.1.is_subset(&views.0), "half a transaction");
            }
        });
        (2..=LAST).for_each(|index| apply(&mut applier, index, both(index)));
    });
}

#[test]
fn collections_of_two_groups_have_no_version_in_common() {
    let ((_one, one), (_other, other)) = (opened(), opened());
    let (one, other) = (one.view::<Numbers>("one"), other.view::<Numbers>("other"));
    assert!(one.expect("there").snapshot_with(&other.expect("there")).is_none());
}

#[test]
fn changes_are_kept_from_when_somebody_follows_until_nobody_does() {
    let (mut applier, copy) = opened();
    let kept = |copy: &Copy| {
        let mut kept = Vec::new();
        copy.strong.source().look(&mut |_, slots| {
            let slots = slots.iter().filter_map(|slot| slot.as_any().downcast_ref::<Slot<Numbers>>());
            kept = slots.map(|slot| slot.changes().len()).collect();
        });
        kept
    };
    apply(&mut applier, 1, Item::Open { owner: PeerId::from_bytes([7; 32]), boot: BootId(1) });
    (2..=4).for_each(|index| apply(&mut applier, index, both(index)));
    assert_eq!(kept(&copy), [0, 0], "nobody follows");
    let mut changes = copy.view::<Numbers>("other").expect("there").changes();
    let first = changes.next().now_or_never();
    assert!(matches!(first, Some(Some(Change::Snapshot(state))) if state.len() == 3));
    for index in 5..=7 {
        apply(&mut applier, index, both(index));
        assert_eq!(kept(&copy), [0, 1], "one is followed");
        let next = changes.next().now_or_never();
        let Some(Some(Change::Changed { version, change })) = next else { panic!("no change: {next:?}") };
        assert_eq!((version.index, change), (index, SetChange::Inserted(index)));
    }
    drop(changes);
    (8..=9).for_each(|index| apply(&mut applier, index, both(index)));
    assert_eq!(kept(&copy), [0, 0], "nobody follows any more");
}
