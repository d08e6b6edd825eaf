//! Hostile peers on the real transport: raw QUIC endpoints that speak bytes, against a node that goes on with its work.
//!
//! One test per row of the page on security. Each has a bystander: a producer and a consumer at the attacked node, at a
//! steady pace. Calm windows and windows under attack take turns, and each of the latter is compared with the calm ones beside it: in
//! the median the bystander keeps at least 80 % of what it gets in calm, and in the end it gets 80 % of what it got at first. Where
//! others use the processors, more windows are looked at; if too few of them were quiet, it must keep a quarter, which is said, and
//! with `MOSAIK_REQUIRE_QUIET=1` the test fails. Attackers run on a thread of lower priority, as if on another
//! machine: what they cost the node is the node's own work. After each test no task has panicked; connections, links,
//! handshakes and tasks are what they were before; memory is what it was after a first, short attack, within 24 MiB, and within 48 of
//! what it was before that.

mod attacker;
mod counted;
mod floods;
mod forged;
mod garbage;
mod groups;
mod handshakes;
mod identities;
mod panics;
mod passes;
mod quiet;
mod quotes;
mod replayed;
mod rogue;
mod scene;
mod silence;
mod tokens;
mod validators;
mod wire;
