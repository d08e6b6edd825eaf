//! openraft's own tests of a store, on every kind of store, with the machine of groups and with one for tests.
//!
//! The entries of these tests are blank or memberships, so no command is applied here: that is what the tests of `machine` and of
//! `alone` are for. The last test of all gives a snapshot of one store to another. Where the machine is that of groups, a snapshot
//! names chunks that were pulled before, and here they were not: it must say so, and `group` and `bond::tests` have the pull.

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};

use super::machine::Machine;
use crate::{
    groups::{
        machine::tests::toy::{SMALL, Toy},
        raft::{self, RaftLog, RaftTypes},
        store::{Store, record::StoreId},
    },
    primitives::{PeerId, WireId},
};

const OWNER: PeerId = PeerId::from_bytes([1; 32]);
const GROUP: WireId = WireId::from_bytes([2; 32]);

async fn parts<G>(guard: G, store: Store) -> Result<(G, RaftLog, Machine), StorageError<RaftTypes>> {
    let log = store.log(GROUP).await.expect("opens");
    let machine = Machine::new(store.snapshots(GROUP)).await.expect("no snapshot yet");
    Ok((guard, RaftLog::new(log), machine))
}

/// The same with the machine that groups have.
async fn real<G>(guard: G, store: Store) -> Result<(G, RaftLog, raft::Machine), StorageError<RaftTypes>> {
    let log = store.log(GROUP).await.expect("opens");
    let (snapshots, reader) = (store.snapshots(GROUP), store.reader(GROUP));
    let (machine, _) = raft::Machine::open(Toy::default(), snapshots, reader, SMALL).expect("opens");
    Ok((guard, RaftLog::new(log), machine))
}

struct InMemory;

impl StoreBuilder<RaftTypes, RaftLog, Machine, ()> for InMemory {
    async fn build(&self) -> Result<((), RaftLog, Machine), StorageError<RaftTypes>> {
        parts((), Store::memory(OWNER, StoreId(1))).await
    }
}

/// All of it passes up to the transfer of a snapshot, which comes last.
fn up_to_the_transfer(ended: Result<(), StorageError<RaftTypes>>) {
    let said = ended.expect_err("chunks are missing").to_string();
    assert!(said.contains("the snapshot does not decode: chunk ") && said.ends_with(" is missing"), "{said}");
}

struct RealInMemory;

impl StoreBuilder<RaftTypes, RaftLog, raft::Machine, ()> for RealInMemory {
    async fn build(&self) -> Result<((), RaftLog, raft::Machine), StorageError<RaftTypes>> {
        real((), Store::memory(OWNER, StoreId(1))).await
    }
}

#[tokio::test(start_paused = true)]
async fn openrafts_suite_passes_in_memory() {
    Suite::test_all(InMemory).await.expect("all of it");
    up_to_the_transfer(Suite::test_all(RealInMemory).await);
}

#[cfg(feature = "durable")]
mod on_disk {
    use super::*;
    use crate::{groups::store::tests::Folder, primitives::NodeRng};

    struct OnDisk;

    impl StoreBuilder<RaftTypes, RaftLog, Machine, Folder> for OnDisk {
        async fn build(&self) -> Result<(Folder, RaftLog, Machine), StorageError<RaftTypes>> {
            let folder = Folder::new("suite");
            let store = Store::open(folder.path(), OWNER, &mut NodeRng::from_seed(1)).expect("a new store");
            parts(folder, store).await
        }
    }

    struct RealOnDisk;

    impl StoreBuilder<RaftTypes, RaftLog, raft::Machine, Folder> for RealOnDisk {
        async fn build(&self) -> Result<(Folder, RaftLog, raft::Machine), StorageError<RaftTypes>> {
            let folder = Folder::new("suite");
            let store = Store::open(folder.path(), OWNER, &mut NodeRng::from_seed(1)).expect("a new store");
            real(folder, store).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn openrafts_suite_passes_on_disk_with_the_machine_of_groups() {
        up_to_the_transfer(Suite::test_all(RealOnDisk).await);
    }

    #[tokio::test(start_paused = true)]
    async fn openrafts_suite_passes_on_disk() {
        Suite::test_all(OnDisk).await.expect("all of it");
    }
}
