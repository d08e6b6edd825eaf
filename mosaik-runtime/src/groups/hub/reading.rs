//! The readers of a node: which groups are read, and by what.

use std::{
    any::Any,
    sync::{Arc, PoisonError},
};

use super::{Hub, OpenError, other_type};
use crate::{
    discovery::RoleEntry,
    groups::{
        bond::GroupKey,
        machine::{Applier, Beginning, MachineSettings, Replica, StateMachine, schema as type_of},
        tail::{Credentials, Parts, Reader, Reading},
    },
    primitives::{GroupId, PeerRole, Policy, Stopped, WireId, schema::Shape},
};

/// What is read.
pub(in crate::groups) struct Learning<M> {
    /// The name that users gave it.
    pub(in crate::groups) intent: Arc<str>,
    /// Its declared id.
    pub(in crate::groups) id: GroupId,
    /// The key that is proved.
    pub(in crate::groups) key: Option<GroupKey>,
    /// Who may be read from.
    pub(in crate::groups) members: Policy,
    /// The state that the group begins with.
    pub(in crate::groups) initial: Beginning<M>,
    /// The limits of its machine.
    pub(in crate::groups) machine: MachineSettings,
}

/// A group that is read.
pub(super) struct Read {
    reader: Reader,
    replica: Arc<dyn Any + Send + Sync>,
    /// What has to be the same when it is opened again.
    key: Option<GroupKey>,
    members: Policy,
    /// What its type is.
    shape: Shape,
}

impl Hub {
    /// Begins to read a group, or shares the reader that there is. It reads until the node ends.
    pub(in crate::groups) async fn learn<M: StateMachine>(
        &self,
        learning: Learning<M>,
    ) -> Result<(Reader, Replica<M>), OpenError> {
        let Learning { intent, id, key, members, initial, machine } = learning;
        let item = id.on(&self.0.settings.network);
        // One is opened at a time.
        let _opening = self.0.stores.lock().await;
        if let Some(shared) = self.shared_reader::<M>(&item, &intent, (&key, &members)) {
            return shared;
        }
        let opened = Applier::new(initial, machine).map(|(applier, replica)| (applier.for_reader(), replica));
        let (applier, replica) =
            opened.map_err(|error| OpenError::Machine { intent: intent.clone(), why: error.to_string() })?;
        let schema = replica.contract();
        let role = RoleEntry { role: PeerRole::Reads, item, schema: schema.0 };
        let advert = self.0.discovery.advertise(role)?;
        let hub = Arc::downgrade(&self.0);
        let me = self.0.transport.id();
        let credentials =
            Credentials { me, item, name: intent, schema, members: members.clone(), key: key.clone() };
        let reading = Reading {
            credentials,
            applying: Box::new(applier),
            applied: replica.applied(),
            chunk: machine.chunk,
            rng: self.0.rng.lock().unwrap_or_else(PoisonError::into_inner).split("reader"),
            admission: self.0.admission.clone(),
            own: Arc::new(move || Hub(hub.upgrade()?).instance(&item)),
        };
        let (clock, scope) = (self.0.settings.clock.clone(), self.0.settings.scope.child());
        let parts = Parts { reading, advert, discovery: self.0.discovery.clone(), clock, scope };
        let mut groups = self.groups();
        if groups.stopped {
            return Err(Stopped.into());
        }
        let reader = Reader::start(parts);
        let shared = Arc::new(replica.clone());
        groups.read.insert(
            item,
            Read { reader: reader.clone(), replica: shared, key, members, shape: type_of::<M>().1 },
        );
        Ok((reader, replica))
    }

    /// The reader as it is there already, if it is.
    fn shared_reader<M: StateMachine>(
        &self,
        item: &WireId,
        intent: &Arc<str>,
        (key, members): (&Option<GroupKey>, &Policy),
    ) -> Option<Result<(Reader, Replica<M>), OpenError>> {
        let groups = self.groups();
        let read = groups.read.get(item)?;
        let differs = |difference: &str| {
            Err(OpenError::Differs { intent: intent.clone(), difference: difference.to_owned() })
        };
        if read.key != *key {
            return Some(differs("the keys differ"));
        }
        if read.members.to_string() != members.to_string() {
            return Some(differs("`members` is another policy"));
        }
        Some(match read.replica.downcast_ref::<Replica<M>>() {
            Some(replica) => Ok((read.reader.clone(), replica.clone())),
            None => differs(&other_type(&type_of::<M>().1, &read.shape)),
        })
    }

    /// No reader reads any more.
    pub(super) fn stop_readers(&self) {
        let readers: Vec<Reader> = self.groups().read.values().map(|read| read.reader.clone()).collect();
        readers.iter().for_each(Reader::stop);
    }
}
