//! The journal in front of the database: turns of it, what is left in it, and what is wrong with it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    crashes::{FRESH, commit, contents, files, open, open_with, survived, workload},
    model::Model,
    *,
};
use crate::{
    groups::store::{
        Store, StoreError,
        core::row::Write,
        durable::{
            journal::{Journal, Life, Owner, make, read},
            make_first_format,
        },
        sim::SimDisk,
    },
    primitives::Scope,
};

const SIZE: usize = 64 << 10;

fn write(journal: &mut Journal, sequence: u64, bytes: usize) {
    let (group, write) = (group(1), Write::Append([entry(1, sequence, bytes)].into()));
    journal.prepare(sequence, &[(&group, &write)]).expect("encodes");
    assert!(journal.fits());
    journal.append().expect("the disk works");
}

#[test]
fn a_record_belongs_to_one_life_of_one_store() {
    let disk = SimDisk::new();
    let files = files(&disk);
    make(&files, SIZE).expect("the disk works");
    let first = Owner { store: StoreId(1), life: Life { opened: 4, nonce: 1 } };
    let mut journal = Journal::open(&files, first, SIZE).expect("opens");
    for sequence in 5..=7 {
        write(&mut journal, sequence, 5000);
    }
    let sequences = |owner, after| {
        let batches = read(&files, owner, after).expect("sound");
        let appended = batches.into_iter().flatten().map(|(_, write)| match write {
            Write::Append(entries) => entries[0].id.index,
            _ => 0,
        });
        appended.collect::<Vec<u64>>()
    };
    assert_eq!(
        (sequences(first, 4), sequences(first, 6), sequences(first, 7)),
        (vec![5, 6, 7], vec![7], vec![])
    );
    let others = [
        Owner { store: StoreId(2), ..first },
        Owner { life: Life { opened: 5, ..first.life }, ..first },
        Owner { life: Life { nonce: 2, ..first.life }, ..first },
    ];
    for other in others {
        assert_eq!(sequences(other, 4), [] as [u64; 0], "{other:?}");
    }
    // A shorter one over the first: behind it is what the first life has left.
    let mut journal = Journal::open(&files, others[1], SIZE).expect("opens");
    write(&mut journal, 6, 10);
    assert_eq!(sequences(others[1], 5), [6]);
    assert!(read(&files, first, 4).is_err(), "6 and 7 are there, and 5 is not");
}

/// Turns bits in one file of a store that was killed or had its power cut, after so many batches; says how many were found, did no harm, and
/// could not be told from an unfinished last batch.
fn turned(file: &str, within: usize, batches: usize) -> [usize; 3] {
    let mut counts = [0; 3];
    let work = workload(5, batches);
    let disk = SimDisk::new();
    disk.record();
    let mut loaded = open(&disk, FRESH).expect("a new store");
    for (batch, _) in &work {
        commit(&mut loaded.disk, batch).expect("the disk works");
    }
    for seed in 0..120 {
        let mut rng = NodeRng::from_seed(seed);
        let powered = seed % 2 == 0;
        let disk = if powered { disk.copy() } else { disk.cut_at(disk.recorded(), &mut rng) };
        let place = format!("{batches} batches, seed {seed}, {}", disk.flip_in(file, within, &mut rng));
        let opened = catch_unwind(AssertUnwindSafe(|| open(&disk, StoreId(78)))).expect("no panic gets out");
        let kind = match opened {
            Ok(loaded) => {
                let model = contents(&loaded).expect(&place);
                if model == work[batches - 1].1 {
                    1
                } else {
                    assert!(!powered, "{place}: served");
                    survived(&model, &work, batches - 1, &place);
                    2
                }
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("damaged") || error.contains("format"), "{place}: {error}");
                0
            }
        };
        counts[kind] += 1;
    }
    counts
}

#[test]
fn f17_r12_a_turned_bit_in_the_journal_is_found() {
    let counts = [3, 5, 9, 18].map(|batches| turned("journal", usize::MAX, batches));
    println!("found, harmless, of the last batch after a power cut: {counts:?}");
    let sum = |kind: usize| counts.iter().map(|count| count[kind]).sum::<usize>();
    assert!(sum(0) > 30 && sum(1) > 30, "{counts:?}");
}

/// Which of its two last transactions the database takes is in its first bytes: it may go back by one, and the journal and the mark show that.
#[test]
fn f17_r12_a_database_that_goes_back_is_found() {
    let counts = [1, 3, 5, 9, 18].map(|batches| turned("log.redb", 320, batches));
    println!("found, harmless, of the last batch after a power cut: {counts:?}");
    assert!(counts.iter().all(|count| count[0] > 0), "{counts:?}");
}

#[test]
fn a_batch_may_be_larger_than_the_journal() {
    let disk = SimDisk::new();
    let mut loaded = open(&disk, FRESH).expect("a new store");
    let (mut model, mut next) = (Model::default(), 1);
    for bytes in [10, 20_000, 10, 100_000, 200_000, 3000, 3000, 3000, 3000, 3000] {
        let write = Write::Append([entry(1, next, bytes), entry(1, next + 1, 7)].into());
        commit(&mut loaded.disk, &[(group(1), write.clone())]).expect("the disk works");
        model.apply(group(1), &write);
        next += 2;
        let copy = disk.copy();
        assert_eq!(contents(&open(&copy, StoreId(78)).expect("opens")).expect("reads"), model);
    }
}

#[test]
fn a_store_of_the_first_format_opens_and_goes_on() {
    let work = workload(3, 30);
    let disk = SimDisk::new();
    let mut loaded = open(&disk, FRESH).expect("a new store");
    for (batch, _) in &work[..15] {
        commit(&mut loaded.disk, batch).expect("the disk works");
    }
    loaded.disk.close().expect("the disk works");
    drop(loaded);
    make_first_format(&files(&disk));
    for half_made in [false, true] {
        let disk = disk.copy();
        if half_made {
            make(&files(&disk), 7 * 4096).expect("the disk works");
        }
        let mut loaded = open(&disk, StoreId(78)).expect("opens");
        assert_eq!((loaded.identity.format, loaded.identity.store), (FORMAT, FRESH));
        assert_eq!(contents(&loaded).expect("reads"), work[14].1);
        for (batch, _) in &work[15..] {
            commit(&mut loaded.disk, batch).expect("the disk works");
        }
        disk.kill();
        drop(loaded);
        assert_eq!(contents(&open(&disk, StoreId(79)).expect("opens")).expect("reads"), work[29].1);
    }
}

#[test]
fn a_journal_may_change_its_length_and_must_not_be_gone() {
    let work = workload(3, 20);
    let disk = SimDisk::new();
    let mut loaded = open_with(&disk, FRESH, 32 << 10).expect("a new store");
    for (number, size) in [64 << 10, 128 << 10, 16 << 10, 32 << 10].into_iter().enumerate() {
        for (batch, _) in &work[number * 5..number * 5 + 5] {
            commit(&mut loaded.disk, batch).expect("the disk works");
        }
        disk.kill();
        loaded = open_with(&disk, StoreId(78), size).expect("opens");
        assert_eq!(contents(&loaded).expect("reads"), work[number * 5 + 4].1, "then {size} bytes");
    }
    drop(loaded);
    files(&disk).remove("journal").expect("the disk works");
    let error = open(&disk, StoreId(78)).map(drop).expect_err("there may have been something in it");
    assert!(error.to_string().contains("damaged"), "{error}");
}

/// Random writes of three groups, and after each of them a random read.
async fn reads_follow_writes(store: &Store, model: &mut Model, rng: &mut NodeRng, writes: usize) {
    for _ in 0..writes {
        let group = group(1 + rng.below(3) as u8);
        let reader = store.reader(group);
        let write = model.next_write(&group, rng);
        model.apply(group, &write);
        reader.commit(write).await.expect("makes sense");
        let state = model.0.get(&group).cloned().unwrap_or_default();
        let (from, to) = (rng.next_u64() % 60, rng.next_u64() % 400);
        let expected: Vec<Entry> =
            state.log.range(from..to.max(from)).map(|(_, entry)| entry.clone()).collect();
        assert_eq!(reader.read(from..to, usize::MAX).await.expect("reads"), expected);
        assert_eq!(reader.vote().expect("works"), state.vote);
        assert_eq!(reader.note("promise").expect("works"), state.notes.get("promise").cloned());
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_the_journal_has_is_read_from_memory() {
    for seed in 0..4 {
        let (disk, mut rng) = (SimDisk::new(), NodeRng::from_seed(seed));
        let mut model = Model::default();
        for _ in 0..6 {
            let scope = Scope::new();
            let opened = Store::simulated(&disk, OWNER, &mut rng, &scope, Duration::from_millis(1));
            let store = opened.expect("opens");
            reads_follow_writes(&store, &mut model, &mut rng, 150).await;
            scope.kill();
            disk.cut_power(&mut rng);
        }
    }
}

#[tokio::test]
async fn folds_run_beside_the_writes() {
    let (folder, mut rng) = (Folder::new("journal"), NodeRng::from_seed(1));
    let mut model = Model::default();
    for _ in 0..3 {
        let store = Store::open(folder.path(), OWNER, &mut rng).expect("opens");
        reads_follow_writes(&store, &mut model, &mut rng, 300).await;
        // Many at once, so that the folds have not ended when the next half is full.
        let log = store.log(group(9)).await.expect("opens");
        let next = log.reader().state().expect("works").last.map_or(1, |last| last.index + 1);
        let entries: Vec<Entry> = (next..next + 200).map(|index| entry(1, index, 2000)).collect();
        for entry in &entries {
            let done = |written: Result<(), StoreError>| written.expect("the disk works");
            log.append(vec![entry.clone()], done).await.expect("taken");
            tokio::task::yield_now().await;
        }
        log.save_vote(vote(next, 1)).await.expect("written");
        let read = log.reader().read(next..next + 200, usize::MAX).await.expect("reads");
        assert_eq!(read, entries);
        let all = log.reader().read(1..next + 200, usize::MAX).await.expect("reads");
        assert_eq!(all.len() as u64, next + 199);
        store.close().await.expect("closes");
    }
}
