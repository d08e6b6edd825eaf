//! The consumers of a run, wherever they are: in this process or in a child.

use std::sync::Arc;

use super::{
    bare,
    case::{Case, Place},
    child::Child,
    mosaik,
    tally::Tally,
};
use crate::common::{Fallible, repeat::Side, usage::cpu_seconds};

/// What all consumers together have seen so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// Items of all consumers.
    pub(crate) items: u64,
    /// What was wrong with them.
    pub(crate) faults: u64,
    /// Processor time of the consumers' process; zero if it is the producer's.
    pub(crate) cpu_seconds: f64,
}

/// The consumers in this process.
pub(crate) struct Here {
    tallies: Vec<Arc<Tally>>,
    side: Sides,
}

enum Sides {
    Bare(bare::Sinks),
    Mosaik(mosaik::Sinks),
}

impl Here {
    /// Opens the consumers of `case` and lets them listen to the producer at `address`.
    pub(crate) async fn open(side: Side, case: Case, address: &str) -> Fallible<Self> {
        let tallies: Vec<Arc<Tally>> = (0..case.consumers).map(|_| Arc::default()).collect();
        let side = match side {
            Side::Bare => Sides::Bare(bare::Sinks::open(case, address, &tallies).await?),
            Side::Mosaik => Sides::Mosaik(mosaik::Sinks::open(case, address, &tallies).await?),
        };
        Ok(Self { tallies, side })
    }

    /// What they have seen; forgets the delays so far.
    pub(crate) fn sample(&self) -> (Sample, Vec<u64>) {
        let items = self.tallies.iter().map(|tally| tally.items()).sum();
        let faults = self.tallies.iter().map(|tally| tally.faults()).sum();
        let delays = self.tallies.iter().flat_map(|tally| tally.take_delays()).collect();
        (Sample { items, faults, cpu_seconds: 0.0 }, delays)
    }

    /// The same with the time this process has used, for the process that measures.
    pub(crate) fn sample_with_cpu(&self) -> Fallible<(Sample, Vec<u64>)> {
        let (sample, delays) = self.sample();
        Ok((Sample { cpu_seconds: cpu_seconds()?, ..sample }, delays))
    }

    /// Ends them.
    pub(crate) async fn close(self) {
        match self.side {
            Sides::Bare(sinks) => sinks.close().await,
            Sides::Mosaik(sinks) => sinks.close().await,
        }
    }
}

/// The consumers of a run.
pub(crate) enum Sinks {
    /// In this process.
    Here(Here),
    /// In a child process.
    There(Child),
}

impl Sinks {
    /// Opens them where the case wants them.
    pub(crate) async fn open(side: Side, case: Case, address: &str) -> Fallible<Self> {
        Ok(match case.place {
            Place::OneProcess => Self::Here(Here::open(side, case, address).await?),
            Place::TwoProcesses | Place::TwoFullProcesses => Self::There(Child::start(side, case, address)?),
        })
    }

    /// What they have seen since they began, and the delays since the last call.
    pub(crate) fn sample(&mut self) -> Fallible<(Sample, Vec<u64>)> {
        match self {
            Self::Here(here) => Ok(here.sample()),
            Self::There(child) => child.sample(),
        }
    }

    /// Ends them.
    pub(crate) async fn close(self) {
        match self {
            Self::Here(here) => here.close().await,
            Self::There(child) => child.close(),
        }
    }
}
