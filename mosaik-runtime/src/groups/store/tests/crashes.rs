//! Crashes at every write, failures of every write, and turned bits.
//!
//! A workload runs once on a recording disk. Then the power is cut before each of its operations in turn, and what is found must be the
//! state after the last acknowledged batch, or after the one that was being written.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{
    model::{Group, Model},
    *,
};
use crate::groups::store::{
    core::row::Write,
    durable::{Disk, Folds, Loaded, Wanted, load},
    error::{OpenError, StoreError},
    files::Guarded,
    health::Health,
    sim::SimDisk,
};

pub(super) const FRESH: StoreId = StoreId(77);

/// A turn for every four batches or so, and batches that are larger than it.
const JOURNAL: usize = 32 << 10;

pub(super) fn files(disk: &SimDisk) -> Guarded {
    Guarded::new(Arc::new(disk.attach()), Arc::new(Health::default()))
}

pub(super) fn open(disk: &SimDisk, fresh: StoreId) -> Result<Loaded, OpenError> {
    open_with(disk, fresh, JOURNAL)
}

pub(super) fn open_with(disk: &SimDisk, fresh: StoreId, journal: usize) -> Result<Loaded, OpenError> {
    load(&files(disk), &Wanted { owner: OWNER, fresh, nonce: 5, journal, folds: Folds::Inline })
}

/// Everything that a store holds, right after it was opened.
pub(super) fn contents(loaded: &Loaded) -> Result<Model, StoreError> {
    let reader = loaded.disk.database();
    let mut model = Model::default();
    for (group, mirror) in &loaded.groups {
        let row = &mirror.row;
        let entries = reader.read(group, row.indices(), usize::MAX, || true)?.expect("the log is not cut");
        let log = entries.into_iter().map(|entry| (entry.id.index, entry)).collect();
        let notes = mirror.notes.clone();
        let state = Group { vote: row.vote, committed: row.committed, purged: row.purged, log, notes };
        assert_eq!(state.last(), row.last.filter(|_| state.last().is_some()), "the row knows the last entry");
        model.0.insert(*group, state);
    }
    Ok(model)
}

/// Batches, each with the state that it makes.
pub(super) type Work = Vec<(Vec<(WireId, Write)>, Model)>;

pub(super) fn workload(seed: u64, batches: usize) -> Work {
    let mut rng = NodeRng::from_seed(seed);
    let mut model = Model::default();
    let mut work = Vec::new();
    for _ in 0..batches {
        let mut batch = Vec::new();
        for _ in 0..1 + rng.below(5) {
            let group = group(1 + rng.below(3) as u8);
            let write = model.next_write(&group, &mut rng);
            model.apply(group, &write);
            batch.push((group, write));
        }
        work.push((batch, model.clone()));
    }
    work
}

pub(super) fn commit(disk: &mut Disk, batch: &[(WireId, Write)]) -> Result<(), StoreError> {
    disk.commit(batch.iter().map(|(group, write)| (group, write))).map(drop)
}

/// Whether what was found is the state after `acknowledged` batches, or after one more.
#[track_caller]
pub(super) fn survived(found: &Model, work: &Work, acknowledged: usize, at: &str) {
    let state = |batches: usize| batches.checked_sub(1).map_or(Model::default(), |last| work[last].1.clone());
    let is_one =
        *found == state(acknowledged) || (acknowledged < work.len() && *found == state(acknowledged + 1));
    assert!(is_one, "{at}: after {acknowledged} acknowledged batches");
}

#[test]
fn f1_f2_r3_r4_what_is_acknowledged_survives_a_crash_before_any_operation() {
    let mut states = 0;
    for seed in 0..3 {
        let disk = SimDisk::new();
        disk.record();
        let mut loaded = open(&disk, FRESH).expect("a new store");
        let work = workload(seed, 45);
        let mut acknowledged = vec![disk.recorded()];
        for (batch, _) in &work {
            commit(&mut loaded.disk, batch).expect("the disk works");
            acknowledged.push(disk.recorded());
        }
        assert!(loaded.disk.folded() > 6, "the journal turned {} times", loaded.disk.folded());
        if seed == 1 {
            loaded.disk.close().expect("the disk works");
        }
        drop(loaded);
        for at in 0..=disk.recorded() {
            let batches = acknowledged.iter().filter(|done| **done <= at).count();
            let mut rng = NodeRng::from_seed(seed << 32 | at as u64);
            let cut = disk.cut_at(at, &mut rng);
            cut.record();
            let place = format!("seed {seed}, operation {at}");
            let found = open(&cut, StoreId(78)).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(batches == 0 || found.identity.store == FRESH, "{place}: it is the same store");
            survived(&contents(&found).expect(&place), &work, batches.saturating_sub(1), &place);
            states += 1;
            drop(found);
            // The power is cut again, during the recovery.
            let again = cut.cut_at(rng.below(cut.recorded()), &mut rng);
            let found = open(&again, StoreId(79)).unwrap_or_else(|error| panic!("{place}, twice: {error}"));
            survived(&contents(&found).expect(&place), &work, batches.saturating_sub(1), &place);
            states += 1;
        }
    }
    println!("{states} states");
    assert!(states >= 2000, "{states}");
}

#[test]
fn f16_after_a_failure_nothing_is_tried_again_and_what_is_acknowledged_is_there() {
    let work = workload(9, 20);
    let mut failures = 0;
    for number in 0.. {
        let disk = SimDisk::new();
        let mut loaded = open(&disk, FRESH).expect("a new store");
        let how = if number % 2 == 0 { io::ErrorKind::Other } else { io::ErrorKind::StorageFull };
        disk.fail_at(number, how);
        let done = work.iter().take_while(|(batch, _)| commit(&mut loaded.disk, batch).is_ok()).count();
        if done == work.len() {
            break;
        }
        let error = commit(&mut loaded.disk, &work[done].0).expect_err("it failed once");
        match how {
            io::ErrorKind::StorageFull => assert!(matches!(error, StoreError::Full { .. }), "{error}"),
            _ => assert!(matches!(error, StoreError::Failed { .. }), "{error}"),
        }
        drop(loaded);
        assert_eq!(disk.tried_after_failure(), 0, "change {number}: a disk that failed is not touched again");
        let mut rng = NodeRng::from_seed(number);
        if rng.below(2) == 0 {
            disk.cut_power(&mut rng)
        } else {
            disk.kill()
        }
        let found = open(&disk, StoreId(78)).unwrap_or_else(|error| panic!("change {number}: {error}"));
        survived(&contents(&found).expect("reads"), &work, done, &format!("change {number}"));
        failures += 1;
    }
    println!("{failures} failures");
    assert!(failures > 50, "{failures}");
}

#[test]
fn f17_r12_a_turned_bit_is_found_and_never_served() {
    let work = workload(5, 20);
    let disk = SimDisk::new();
    let mut loaded = open(&disk, FRESH).expect("a new store");
    for (batch, _) in &work {
        commit(&mut loaded.disk, batch).expect("the disk works");
    }
    let killed = disk.copy();
    drop(loaded);
    let (mut found, mut harmless) = (0, 0);
    for (seed, disk) in (0..300).flat_map(|seed| [(seed, &disk), (seed + 1000, &killed)]) {
        let mut rng = NodeRng::from_seed(seed);
        let disk = disk.copy();
        let place = disk.flip(&mut rng);
        let opened = catch_unwind(AssertUnwindSafe(|| open(&disk, StoreId(78)))).expect("no panic gets out");
        match opened.map_err(|error| error.to_string()).and_then(|loaded| {
            assert_eq!(loaded.identity.store, FRESH, "{place}: a damaged store is not taken for a new one");
            contents(&loaded).map_err(|error| error.to_string())
        }) {
            Ok(model) => {
                assert_eq!(model, work[work.len() - 1].1, "{place}: served");
                harmless += 1;
            }
            Err(error) => {
                assert!(error.contains("damaged") || error.contains("format"), "{place}: {error}");
                found += 1;
            }
        }
    }
    println!("{found} found, {harmless} harmless");
    assert!(found > 20, "{found} of {}", found + harmless);
}
