//! How a pile of processes becomes a group: when to start, and with which first committee.
//!
//! It is a pure state machine: no clock, no network, no randomness. The driver turns what happens into [`Input`]s and does the
//! [`Effect`]s of each step, in order. The one safety rule: the committee that Raft is initialised with is never a set that a
//! node happened to observe. It is a [`Genesis`], sealed by a durable promise of every member to that one list, or one node
//! that holds the founding right.
//!
//! It is not consensus: it decides when to start, and Raft decides who is in. Messages come over mutually proven links, and
//! members are honest; a member that forgets its promises can break the rule, and the groups that result notice each other.
//!
//! Why unanimous: with three voters wanted and four nodes there, a majority of {1, 2, 3} and a majority of {2, 3, 4} are two
//! groups. With all of a list, and fewer than twice as many nodes as voters, any two lists share a member, and a member
//! promises one list at a time.

mod config;
mod effect;
mod genesis;
mod input;
mod machine;
mod record;
mod recorder;
#[cfg(test)]
mod tests;
mod view;

pub use config::{Config, ConfigError, Voters};
pub use effect::{Effect, Report, Step, Timer};
pub use genesis::{ClusterId, Genesis, GenesisHash, Member, StoreId};
pub use input::{Input, Kind, Rejected, Right, Why};
pub use machine::Birth;
pub use record::{Promise, Record};
pub use recorder::{BirthLog, Diverged, Entry, Recorder};
pub use view::{Missing, Phase, View};
