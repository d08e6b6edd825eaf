use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::join_all};
use tokio::time::Instant;

use super::{
    crashes::{FRESH, commit, contents, workload},
    *,
};
use crate::{
    groups::store::{
        GroupLog, OpenError, Store, StoreError,
        core::row::Write,
        durable::{Folds, Loaded, Wanted, load},
        files::{Guarded, real::RealFolder},
        health::Health,
        sim::SimDisk,
    },
    primitives::Scope,
};

const FLUSH: Duration = Duration::from_millis(5);

fn simulated(disk: &SimDisk, scope: &Scope) -> Result<Store, OpenError> {
    Store::simulated(disk, OWNER, &mut NodeRng::from_seed(4), scope, FLUSH)
}

async fn append(log: &GroupLog, entries: Vec<Entry>) -> Result<(), StoreError> {
    let (done, wait) = tokio::sync::oneshot::channel();
    log.append(entries, move |result| drop(done.send(result))).await?;
    wait.await.unwrap_or(Err(StoreError::Closed))
}

#[tokio::test]
async fn f1_a_store_in_a_directory_is_as_it_was_left() {
    let (folder, mut rng) = (Folder::new("store"), NodeRng::from_seed(1));
    let store = Store::open(folder.path(), OWNER, &mut rng).expect("a new store");
    let name = store.id();
    let log = store.log(group(1)).await.expect("opens");
    assert!(matches!(store.log(group(1)).await, Err(StoreError::Busy)));
    log.save_vote(vote(3, 1)).await.expect("written");
    // More than stays in memory.
    for index in 1..=40 {
        append(&log, vec![entry(3, index, 100_000)]).await.expect("written");
    }
    log.save_committed(id(3, 39)).await.expect("taken");
    store.set_note(group(2), "promise", Some(Bytes::from_static(b"given"))).await.expect("written");
    let read = log.reader().read(0..u64::MAX, usize::MAX).await.expect("reads");
    assert_eq!(read.len(), 40);

    let error = Store::open(folder.path(), OWNER, &mut rng).expect_err("in use");
    assert!(matches!(error, OpenError::InUse { .. }) && error.to_string().contains("--data-dir"), "{error}");
    store.close().await.expect("closes");
    assert!(matches!(log.save_vote(vote(4, 1)).await, Err(StoreError::Closed)));
    drop((log, store));

    let error = Store::open(folder.path(), PeerId::from_bytes([9; 32]), &mut rng).expect_err("not ours");
    assert!(
        matches!(error, OpenError::OtherNode { .. }) && error.to_string().contains("secret key"),
        "{error}"
    );
    let store = Store::open(folder.path(), OWNER, &mut rng).expect("opens again");
    assert_eq!((store.id(), store.groups()), (name, vec![group(1), group(2)]));
    let log = store.log(group(1)).await.expect("opens");
    assert_eq!(log.reader().vote().expect("works"), Some(vote(3, 1)));
    assert_eq!(log.reader().state().expect("works").committed, Some(id(3, 39)));
    assert_eq!(log.reader().read(0..u64::MAX, usize::MAX).await.expect("reads"), read);
    assert_eq!(log.reader().read(7..u64::MAX, 250_000).await.expect("reads"), read[6..8]);
    assert_eq!(store.reader(group(2)).note("promise").expect("works"), Some(Bytes::from_static(b"given")));
    store.forget(group(2)).await.expect("written");
    assert_eq!(store.groups(), [group(1)]);
}

/// Opens the store in a directory, with nothing beside the caller that writes to it.
fn in_directory(folder: &Folder) -> Loaded {
    let real = RealFolder::open(folder.path()).expect("nobody else has it");
    let files = Guarded::new(Arc::new(real), Arc::new(Health::default()));
    let wanted = Wanted { owner: OWNER, fresh: FRESH, nonce: 5, journal: 32 << 10, folds: Folds::Inline };
    load(&files, &wanted).expect("opens")
}

#[test]
fn f1_what_only_the_journal_in_a_directory_has_is_there_after_a_kill() {
    let (folder, work) = (Folder::new("killed"), workload(11, 60));
    for (number, batches) in work.chunks(15).enumerate() {
        let mut loaded = in_directory(&folder);
        let opened = loaded.disk.folded();
        for (batch, _) in batches {
            commit(&mut loaded.disk, batch).expect("the disk works");
        }
        assert!(loaded.disk.folded() > opened, "both halves of the journal were written");
        // It is not closed: the journal is not folded, as after a kill.
        drop(loaded);
        let found = in_directory(&folder);
        let (_, expected) = &batches[batches.len() - 1];
        assert!(contents(&found).expect("reads") == *expected, "after kill {number}");
    }
}

#[tokio::test]
async fn f21_a_store_of_a_newer_version_is_left_alone() {
    let (folder, mut rng) = (Folder::new("newer"), NodeRng::from_seed(1));
    Store::open(folder.path(), OWNER, &mut rng).expect("a new store").close().await.expect("closes");
    super::super::durable::set_format(&folder.path().join("log.redb"), FORMAT + 1, OWNER);
    let error = Store::open(folder.path(), OWNER, &mut rng).expect_err("too new");
    assert!(matches!(error, OpenError::Newer { found: 3, known: 2 }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn writes_of_all_groups_share_a_flush() {
    let (disk, scope) = (SimDisk::new(), Scope::new());
    let store = simulated(&disk, &scope).expect("a new store");
    let logs: Vec<_> = join_all((0..50).map(|number| store.log(group(number)))).await;
    let logs: Vec<_> = logs.into_iter().map(|log| log.expect("opens")).collect();
    let start = Instant::now();
    for result in join_all(logs.iter().map(|log| log.save_vote(vote(1, 1)))).await {
        result.expect("written");
    }
    assert!(start.elapsed() <= 2 * FLUSH, "{:?} for 50 votes", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_reaches_the_disk_by_itself() {
    let (disk, scope) = (SimDisk::new(), Scope::new());
    let store = simulated(&disk, &scope).expect("a new store");
    let log = store.log(group(1)).await.expect("opens");
    append(&log, vec![entry(1, 1, 10)]).await.expect("written");
    log.save_committed(id(1, 1)).await.expect("taken");
    tokio::time::sleep(Duration::from_millis(100)).await;
    scope.kill();
    disk.cut_power(&mut NodeRng::from_seed(1));
    let store = simulated(&disk, &Scope::new()).expect("opens again");
    assert_eq!(store.reader(group(1)).state().expect("works").committed, Some(id(1, 1)));
}

#[tokio::test(start_paused = true)]
async fn f2_nothing_is_acknowledged_before_it_is_on_disk() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..60 {
        let (disk, scope, mut rng) = (SimDisk::new(), Scope::new(), NodeRng::from_seed(seed));
        let store = simulated(&disk, &scope).expect("a new store");
        let log = store.log(group(1)).await.expect("opens");
        let acknowledged = Arc::new(Mutex::new(0));
        for index in 1..=8 {
            let acknowledged = acknowledged.clone();
            let done = move |result: Result<(), StoreError>| {
                if result.is_ok() {
                    *acknowledged.lock().expect("one thread") = index;
                }
            };
            log.append(vec![entry(1, index, 700)], done).await.expect("taken");
            tokio::time::sleep(Duration::from_millis(rng.next_u64() % 4)).await;
        }
        let promised = log.reader().state().expect("works").last;
        assert_eq!(promised, Some(id(1, 8)), "entries can be read before they are on disk");
        scope.kill();
        disk.cut_power(&mut rng);
        drop((log, store));
        let store = simulated(&disk, &Scope::new()).expect("opens again");
        let last = store.reader(group(1)).state().expect("works").last.map_or(0, |last| last.index);
        let acknowledged = *acknowledged.lock().expect("one thread");
        assert!(last >= acknowledged, "seed {seed}: {acknowledged} acknowledged, {last} left");
        kept += acknowledged;
        lost += 8 - last;
    }
    assert!(kept > 0 && lost > 0, "{kept} kept, {lost} lost: both must happen");
}

#[tokio::test(start_paused = true)]
async fn f16_when_the_disk_fails_every_group_learns_it_and_nothing_more_is_done() {
    for how in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
        let (disk, scope) = (SimDisk::new(), Scope::new());
        let store = simulated(&disk, &scope).expect("a new store");
        let (one, two) =
            (store.log(group(1)).await.expect("opens"), store.log(group(2)).await.expect("opens"));
        disk.fail_at(0, how);
        let (first, second) = tokio::join!(one.save_vote(vote(1, 1)), append(&two, vec![entry(1, 1, 10)]));
        let error = first.expect_err("the disk failed");
        assert!(error.to_string().contains("start"), "{error}");
        assert_eq!(second.expect_err("the disk failed"), error);
        assert_eq!(store.failed().await, error);
        assert_eq!(two.reader().vote().expect_err("nothing is served"), error);
        assert_eq!(two.reader().read(0..9, 1).await.expect_err("nothing is served"), error);
        assert_eq!(store.snapshots(group(1)).current().await.expect_err("nothing is served"), error);
        drop((one, two, store));
        scope.kill();
        scope.ended().await;
        assert_eq!(disk.tried_after_failure(), 0);
        assert!(simulated(&disk, &Scope::new()).is_ok(), "what was acknowledged before is there");
    }
}

#[tokio::test(start_paused = true)]
async fn g3_writes_wait_for_room() {
    let (disk, scope) = (SimDisk::new(), Scope::new());
    let store = simulated(&disk, &scope).expect("a new store");
    let log = store.log(group(1)).await.expect("opens");
    let mut taken = 0;
    while log.append(vec![entry(1, taken + 1, 1 << 20)], drop).now_or_never().is_some() {
        taken += 1;
    }
    assert!((28..=32).contains(&taken), "{taken} MiB wait for the disk");
    append(&log, vec![entry(1, taken + 1, 1 << 20)]).await.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn f17_a_bit_that_turns_under_an_open_store_is_never_served() {
    let mut found = 0;
    for seed in 0..60 {
        let (disk, scope, mut rng) = (SimDisk::new(), Scope::new(), NodeRng::from_seed(seed));
        let store = simulated(&disk, &scope).expect("a new store");
        let log = store.log(group(1)).await.expect("opens");
        let entries: Vec<Entry> = (1..=30).map(|index| entry(1, index, 3000)).collect();
        append(&log, entries.clone()).await.expect("written");
        store.close().await.expect("closes");
        let store = simulated(&disk, &scope).expect("opens again");
        for _ in 0..4 {
            disk.flip(&mut rng);
        }
        match store.reader(group(1)).read(0..u64::MAX, usize::MAX).await {
            Ok(read) => assert_eq!(read, entries, "seed {seed}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "seed {seed}: {error}");
                assert!(store.reader(group(1)).vote().is_err(), "seed {seed}: a damaged store is not used");
                found += 1;
            }
        }
    }
    assert!(found > 5, "{found}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_makes_no_sense_is_refused_and_breaks_nothing() {
    let (disk, scope) = (SimDisk::new(), Scope::new());
    let store = simulated(&disk, &scope).expect("a new store");
    let log = store.log(group(1)).await.expect("opens");
    append(&log, vec![entry(1, 1, 1)]).await.expect("written");
    assert!(matches!(append(&log, vec![entry(1, 3, 1)]).await, Err(StoreError::Misuse(_))));
    let long = Bytes::from(vec![0; crate::groups::store::MAX_NOTE + 1]);
    assert!(matches!(store.set_note(group(1), "long", Some(long)).await, Err(StoreError::Misuse(_))));
    append(&log, vec![entry(1, 2, 1)]).await.expect("written");
    assert_eq!(store.reader(group(1)).commit(Write::Truncate(None)).await, Ok(()));
}
