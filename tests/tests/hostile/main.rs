//! Hostile peers on the real transport: raw QUIC endpoints that speak bytes, against a node that goes on with its work.
//!
//! One test per row of the page on security. Each has a bystander: a producer and a consumer at the attacked node, at a
//! steady pace. Calm windows and windows under attack alternate, and the medians are compared: under attack the bystander
//! keeps at least 80 % of what it gets in calm. Attackers run on a thread of lower priority, as if on another
//! machine: what they cost the node is the node's own work. After each test no task has panicked, and connections, links,
//! handshakes and tasks are what they were before.

mod attacker;
mod floods;
mod forged;
mod garbage;
mod identities;
mod panics;
mod replayed;
mod scene;
mod silence;
mod wire;
