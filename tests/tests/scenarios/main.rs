//! Whole networks under faults, on the simulated network: what must hold, whatever happens.
//!
//! Labels are those of the reliability page (D1, F8, …) and, with an L, of the lessons.

mod caught;
mod collected;
mod committee;
mod discovery;
mod faults;
mod fleet;
mod ledger;
mod proofs;
mod readers;
mod scale;
mod seeds;
mod streams;
mod swarm;
mod upgrade;
