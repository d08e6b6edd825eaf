//! openraft's own tests of a store, on every kind of store.

use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};

use super::machine::Machine;
use crate::{
    groups::{
        raft::{RaftLog, RaftTypes},
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

struct InMemory;

impl StoreBuilder<RaftTypes, RaftLog, Machine, ()> for InMemory {
    async fn build(&self) -> Result<((), RaftLog, Machine), StorageError<RaftTypes>> {
        parts((), Store::memory(OWNER, StoreId(1))).await
    }
}

#[tokio::test(start_paused = true)]
async fn openrafts_suite_passes_in_memory() {
    Suite::test_all(InMemory).await.expect("all of it");
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

    #[tokio::test(start_paused = true)]
    async fn openrafts_suite_passes_on_disk() {
        Suite::test_all(OnDisk).await.expect("all of it");
    }
}
