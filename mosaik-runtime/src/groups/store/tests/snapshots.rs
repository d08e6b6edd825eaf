//! Snapshots: kept whole or not at all.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::groups::store::{Snapshots, Store, StoreError};

fn manifest(index: u64, chunks: &[ChunkHash]) -> Manifest {
    Manifest {
        last: Some(id(1, index)),
        bytes: 8 * chunks.len() as u64,
        chunks: chunks.to_vec(),
        ..Manifest::default()
    }
}

fn part(number: u8) -> Bytes {
    Bytes::from(vec![number; 1500])
}

async fn put(snapshots: &Snapshots, index: u64, numbers: &[u8]) -> Result<Manifest, StoreError> {
    let mut chunks = Vec::new();
    for number in numbers {
        chunks.push(snapshots.put(part(*number)).await?);
    }
    snapshots.seal(manifest(index, &chunks)).await?;
    Ok(manifest(index, &chunks))
}

#[tokio::test]
async fn a_snapshot_replaces_the_one_before_and_equal_chunks_are_kept_once() {
    let snapshots = Store::memory(OWNER, StoreId(1)).snapshots(group(1));
    assert_eq!(snapshots.current().await, Ok(None));
    let first = put(&snapshots, 5, &[1, 2]).await.expect("kept");
    assert_eq!(snapshots.current().await, Ok(Some(first.clone())));
    let spare = snapshots.put(part(9)).await.expect("kept");
    let second = put(&snapshots, 9, &[2, 3]).await.expect("kept");
    assert_eq!(snapshots.current().await, Ok(Some(second.clone())));
    assert_eq!(snapshots.chunk(first.chunks[0]).await, Ok(None), "nothing names it any more");
    assert_eq!(snapshots.chunk(first.chunks[1]).await, Ok(Some(part(2))));
    assert_eq!(
        snapshots.chunk(spare).await,
        Ok(Some(part(9))),
        "it is of a snapshot that is still on its way"
    );
    let unknown = manifest(10, &[ChunkHash([0; 32])]);
    assert!(matches!(snapshots.seal(unknown).await, Err(StoreError::Misuse(_))));
    assert_eq!(snapshots.current().await, Ok(Some(second)));
}

#[tokio::test]
async fn chunks_of_a_snapshot_that_was_not_received_to_its_end_go_with_the_next_one() {
    let snapshots = Store::memory(OWNER, StoreId(1)).snapshots(group(1));
    let here =
        async |number: u8| snapshots.chunk(ChunkHash::of(&part(number))).await.expect("it reads").is_some();
    let hash = |number: u8| ChunkHash::of(&part(number));
    snapshots.receive(&[hash(1), hash(2)]);
    snapshots.put_pulled(part(1)).await.expect("kept");
    // One of its own meanwhile: what is on its way is spared.
    put(&snapshots, 5, &[7]).await.expect("kept");
    assert!(here(1).await);
    // Another leader sends another one, which shares nothing with it.
    snapshots.receive(&[hash(2), hash(3)]);
    snapshots.put_pulled(part(3)).await.expect("kept");
    assert!(here(1).await, "not in the middle of something");
    snapshots.put_pulled(part(2)).await.expect("kept");
    snapshots.seal(manifest(9, &[hash(2), hash(3)])).await.expect("kept");
    assert_eq!((here(1).await, here(2).await, here(3).await, here(7).await), (false, true, true, false));
}

#[cfg(feature = "durable")]
mod on_disk {
    use std::time::Duration;

    use super::*;
    use crate::{
        groups::store::{core::row::Write, sim::SimDisk},
        primitives::Scope,
    };

    fn open(disk: &SimDisk, scope: &Scope) -> Store {
        let rng = &mut NodeRng::from_seed(4);
        Store::simulated(disk, OWNER, rng, scope, Duration::from_millis(1)).expect("opens")
    }

    #[tokio::test(start_paused = true)]
    async fn f2_a_crash_leaves_one_whole_snapshot() {
        let (disk, scope) = (SimDisk::new(), Scope::new());
        let snapshots = open(&disk, &scope).snapshots(group(1));
        let first = put(&snapshots, 5, &[1, 2, 3]).await.expect("kept");
        disk.record();
        let second = put(&snapshots, 9, &[3, 4, 5]).await.expect("kept");
        let sealed = disk.recorded();
        put(&snapshots, 12, &[6]).await.expect("kept");
        let mut states = 0;
        for at in 0..=sealed {
            for seed in 0..8 {
                let scope = Scope::new();
                let disk = disk.cut_at(at, &mut NodeRng::from_seed(seed << 32 | at as u64));
                let snapshots = open(&disk, &scope).snapshots(group(1));
                let found = snapshots.current().await.expect("whole").expect("there is one");
                assert!(found == second || (found == first && at < sealed), "operation {at}");
                for hash in &found.chunks {
                    let chunk = snapshots.chunk(*hash).await.expect("reads");
                    assert!(
                        chunk.is_some(),
                        "operation {at}, seed {seed}: a chunk of {:?} is missing",
                        found.last
                    );
                }
                scope.kill();
                states += 1;
            }
        }
        println!("{states} states");
    }

    #[tokio::test(start_paused = true)]
    async fn f17_a_log_whose_snapshot_is_gone_is_not_used() {
        let (disk, scope) = (SimDisk::new(), Scope::new());
        let store = open(&disk, &scope);
        let write = Write::Append(Arc::from([entry(1, 1, 10), entry(1, 2, 10)]));
        store.reader(group(1)).commit(write).await.expect("written");
        store.reader(group(1)).commit(Write::Purge(id(1, 1))).await.expect("written");
        assert!(matches!(store.log(group(1)).await.map(drop), Err(StoreError::Damaged { .. })));
        assert!(store.check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_was_being_forgotten_leaves_no_snapshot() {
        let (disk, scope) = (SimDisk::new(), Scope::new());
        let store = open(&disk, &scope);
        put(&store.snapshots(group(1)), 5, &[1]).await.expect("kept");
        let log = store.log(group(1)).await.expect("opens");
        assert_eq!(store.snapshots(group(1)).current().await, Ok(None));
        log.save_vote(vote(1, 1)).await.expect("written");
        put(&store.snapshots(group(1)), 5, &[1]).await.expect("kept");
        drop(log);
        store.log(group(1)).await.expect("opens");
        assert!(store.snapshots(group(1)).current().await.expect("reads").is_some());
        store.forget(group(1)).await.expect("written");
        assert_eq!(store.snapshots(group(1)).current().await, Ok(None));
    }
}
