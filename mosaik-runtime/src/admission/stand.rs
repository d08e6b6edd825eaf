//! What a node of a test stands on: a transport with discovery and admission over it, each in a child of one scope.
//!
//! The parts that are tested come on top of it.

use super::Admission;
use crate::{
    discovery::{Discovery, Settings},
    primitives::{BootId, Clock, NetworkId, NodeRng, Reach, Scope, SecretKey, Wall},
    transport::{Backend, Config, Limits, Transport},
};

/// What the wall clock shows at first.
pub(crate) const BEGINS: Wall = Wall(1_000_000_000);

/// One life of a node.
pub(crate) struct Stand {
    pub(crate) transport: Transport,
    pub(crate) discovery: Discovery,
    pub(crate) admission: Admission,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
    /// For what comes on top.
    pub(crate) rng: NodeRng,
}

impl Stand {
    /// Starts it; `change` says where discovery meets others, and what else is not by default.
    pub(crate) async fn start(
        backend: Backend,
        key: SecretKey,
        (network, boot): (NetworkId, BootId),
        mut rng: NodeRng,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let (clock, scope) = (Clock::simulated(BEGINS), Scope::new());
        let config = Config {
            key: key.clone(),
            network,
            secrets: Vec::new(),
            boot,
            reach: Reach::Host,
            bind: None,
            limits: Limits::default(),
            clock: clock.clone(),
            rng: rng.split("transport"),
            scope: scope.child(),
        };
        let transport = Transport::bind(config, backend).await.expect("it binds");
        let mut settings =
            Settings::new(key, network, boot, clock.clone(), rng.split("discovery"), scope.child());
        change(&mut settings);
        let discovery = Discovery::start(transport.clone(), settings).expect("it starts");
        let admission = Admission::new("lab", transport.clone(), discovery.clone(), &rng, scope.child());
        Self { transport, discovery, admission, clock, scope, rng }
    }
}
