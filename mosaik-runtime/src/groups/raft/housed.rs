//! A machine on loan: when Raft lets go of it, it can come back, with the state that it had.
//!
//! A member that was let go by its group begins again as another one, on the same node. What it had applied was committed, and stays true.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::Stream;
use openraft::{
    OptionalSend,
    storage::{EntryResponder, RaftStateMachine},
    type_config::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf},
};
use tokio::sync::Notify;

use super::{
    machine::{Builder, Machine},
    types::RaftTypes,
};
use crate::groups::store::record::Manifest;

/// A machine, for as long as Raft has it.
pub struct Housed {
    machine: Option<Machine>,
    home: Home,
}

/// Where a machine comes back to, if it is wanted there. Clones share it.
#[derive(Clone, Default)]
pub struct Home(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    is_wanted: bool,
    machine: Option<Machine>,
}

impl Home {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The machine shall come back when Raft lets go of it. Otherwise it ends then, and whoever reads it is told.
    pub fn want(&self) {
        self.state().is_wanted = true;
    }

    /// Waits until the machine is back. The caller bounds the wait. Cancel-safe.
    pub async fn machine(&self) -> Machine {
        loop {
            let came = self.0.came.notified();
            if let Some(machine) = self.state().machine.take() {
                return machine;
            }
            came.await;
        }
    }
}

impl Housed {
    /// Lends a machine to Raft.
    pub fn new(machine: Machine) -> (Self, Home) {
        let home = Home::default();
        (Self { machine: Some(machine), home: home.clone() }, home)
    }

    fn machine(&mut self) -> &mut Machine {
        self.machine.as_mut().expect("it has one") // impossible: it is taken only when this is dropped
    }
}

impl Drop for Housed {
    fn drop(&mut self) {
        let mut state = self.home.state();
        if state.is_wanted {
            state.machine = self.machine.take();
            self.home.0.came.notify_one();
        }
    }
}

impl RaftStateMachine<RaftTypes> for Housed {
    type SnapshotData = Manifest;
    type SnapshotBuilder = Builder;

    async fn applied_state(
        &mut self,
    ) -> io::Result<(Option<LogIdOf<RaftTypes>>, StoredMembershipOf<RaftTypes>)> {
        self.machine().applied_state().await
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<RaftTypes>>> + Unpin + OptionalSend,
    {
        self.machine().apply(entries).await
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        self.machine().try_create_snapshot_builder(force).await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.machine().get_snapshot_builder().await
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<RaftTypes>,
        snapshot: Manifest,
    ) -> io::Result<()> {
        self.machine().install_snapshot(meta, snapshot).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<RaftTypes, Manifest>>> {
        self.machine().get_current_snapshot().await
    }
}
