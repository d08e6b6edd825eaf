//! What a source of this endpoint works with.

use std::time::Duration;

use crate::{
    primitives::{
        NodeRng, Reach, SecretKey,
        backoff::{Backoff, Settings},
        watch,
    },
    transport::{
        address::Address,
        backend::{Looking, Options},
        mark::Marks,
        sources::{Health, Herald, Source, Sources},
    },
};

/// How long a source that fails waits.
const PAUSES: Settings = Settings { first: Duration::from_secs(1), most: Duration::from_secs(60) };

/// What a source works with.
#[derive(Debug, Clone)]
#[cfg_attr(not(all(feature = "mdns", feature = "dht")), allow(dead_code, reason = "some source needs it"))]
pub(super) struct Seat {
    pub(super) key: SecretKey,
    pub(super) reach: Reach,
    pub(super) sources: Sources,
    pub(super) marks: Marks,
    pub(super) herald: Herald,
    pub(super) addresses: watch::Receiver<Vec<Address>>,
    rng: NodeRng,
}

impl Seat {
    /// The seat of an endpoint that looks for others beyond its machine.
    pub(super) fn new(options: &Options, addresses: &watch::Receiver<Vec<Address>>) -> Option<Self> {
        let Looking { sources, marks, herald, rng } = options.looking.clone()?;
        let (key, reach, addresses) = (options.key.clone(), options.reach, addresses.clone());
        (reach > Reach::Host).then_some(Self { key, reach, sources, marks, herald, addresses, rng })
    }

    /// Who tells how a source is.
    pub(super) fn health(&self, source: Source) -> Health {
        Health::new(source, &self.herald)
    }

    /// How long to wait after failures.
    #[cfg_attr(
        not(any(feature = "mdns", feature = "dht")),
        allow(dead_code, reason = "iroh tends its relays")
    )]
    pub(super) fn backoff(&mut self, source: &'static str) -> Backoff {
        Backoff::new(PAUSES, self.rng.split(source))
    }
}
