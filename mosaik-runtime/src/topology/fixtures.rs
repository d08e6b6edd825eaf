//! Programs that the tests of this floor draw and check.

use super::{
    collection::CollectionDescriptor,
    descriptor::{Intent, NodeDescriptor, Overflow, Role, Source, StreamDescriptor, StreamOptions},
    group::{GroupDescriptor, GroupOptions, KeySource, Storage, VoterSet},
};
use crate::primitives::{
    Reach,
    policy::Rule,
    schema::{Schema, Seen, Shape},
};

pub(super) struct Reading;
impl Schema for Reading {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Load", None, &[("host", String::shape), ("cpu_percent", f32::shape)])
    }
}

pub(super) struct Wider;
impl Schema for Wider {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Load", None, &[("host", String::shape), ("cpu_percent", f64::shape)])
    }
}

pub(super) const fn at(line: u32) -> Source {
    Source { file: "src/program.rs", line }
}

pub(super) const fn stream(text: &'static str, id: u8) -> StreamDescriptor {
    StreamDescriptor {
        intent: Intent::new(text, [id; 32]),
        type_name: "Load",
        schema: Reading::shape,
        options: StreamOptions::new(),
        producers: Rule::Anyone,
        consumers: Rule::Anyone,
        docs: "",
        source: at(id as u32),
    }
}

pub(super) const fn node(name: &'static str, line: u32, roles: &'static [Role]) -> NodeDescriptor {
    NodeDescriptor {
        name,
        network: "fleet",
        tags: &[],
        reach: Reach::Host,
        proves: &[],
        roles,
        docs: "",
        source: at(line),
    }
}

pub(super) static LOAD: StreamDescriptor = StreamDescriptor {
    docs: "What one machine is doing. Every node that names \"host.load\" meets on the same stream.",
    ..stream("host.load", 1)
};
pub(crate) static SENSOR: NodeDescriptor = NodeDescriptor {
    docs: "Publishes this machine's load every second.\n\nMore about that.",
    tags: &["sensor"],
    ..node("sensor", 10, &[Role::Produces(&LOAD)])
};
pub(super) static DISPLAY: NodeDescriptor = node("display", 20, &[Role::Consumes(&LOAD), Role::None]);
pub(super) static OTHER_NETWORK: NodeDescriptor =
    NodeDescriptor { network: "lab", ..node("probe", 30, &[Role::Produces(&LOAD)]) };

pub(super) static ORDERS: StreamDescriptor = StreamDescriptor {
    type_name: "Order",
    producers: Rule::Tag("desk"),
    consumers: Rule::Both(&Rule::Tag("matcher"), &Rule::RttBelow(20)),
    options: StreamOptions::new().buffer(64).overflow(Overflow::Block),
    docs: "A sealed <order> & its \"terms\".",
    ..stream("dark.orders", 2)
};
pub(super) static FILLS: StreamDescriptor = StreamDescriptor { type_name: "Fill", ..stream("dark.fills", 3) };
/// A bundle, a role written twice, and a cycle with the matcher.
pub(super) static DESK: NodeDescriptor = NodeDescriptor {
    tags: &["desk"],
    ..node(
        "desk",
        40,
        &[Role::Produces(&ORDERS), Role::All(&[Role::Consumes(&FILLS), Role::Produces(&ORDERS)])],
    )
};
pub(super) static MATCHER: NodeDescriptor = NodeDescriptor {
    tags: &["matcher"],
    ..node("matcher", 50, &[Role::Consumes(&ORDERS), Role::Produces(&FILLS)])
};

pub(super) const fn group(text: &'static str, id: u8) -> GroupDescriptor {
    GroupDescriptor {
        intent: Intent::new(text, [id; 32]),
        type_name: "Ledger",
        schema: Reading::shape,
        voters: VoterSet::Count(3),
        options: GroupOptions::new(),
        members: Rule::Anyone,
        docs: "",
        source: at(id as u32),
    }
}

pub(super) static LEDGER: GroupDescriptor = GroupDescriptor {
    options: GroupOptions::new().storage(Storage::Durable).key(KeySource::Env("BANK_KEY")).deadline(30_000),
    members: Rule::Tag("bank"),
    docs: "Who has how much. \"Have\" is what was acknowledged.",
    ..group("bank.ledger", 4)
};
pub(super) static TELLER: NodeDescriptor =
    NodeDescriptor { tags: &["bank", "teller"], ..node("teller", 80, &[Role::Member(&LEDGER)]) };
/// A member that also listens.
pub(super) static AUDITOR: NodeDescriptor = NodeDescriptor {
    tags: &["bank"],
    ..node("auditor", 90, &[Role::Member(&LEDGER), Role::All(&[Role::Member(&LEDGER)])])
};
/// A group and a stream.
pub(super) static MONITOR: NodeDescriptor = NodeDescriptor {
    tags: &["bank"],
    ..node("monitor", 95, &[Role::Member(&LEDGER), Role::Consumes(&LOAD)])
};

pub(super) static EXCHANGE: GroupDescriptor =
    GroupDescriptor { type_name: "Exchange", docs: "Orders and trades.", ..group("exchange", 6) };

const fn shared(part: &'static str, container: &'static str) -> CollectionDescriptor {
    CollectionDescriptor {
        intent: Intent::new(part, [part.len() as u8; 32]),
        container,
        group: &EXCHANGE,
        part,
        readers: Rule::Tag("board"),
        docs: "",
        source: at(part.len() as u32),
    }
}

pub(super) static BIDS: CollectionDescriptor = shared("bids", "Map<u64, Order>");
pub(super) static TRADES: CollectionDescriptor = shared("trades", "Vec<Trade>");
/// A member of a group that two collections share.
pub(super) static ENGINE: NodeDescriptor =
    node("engine", 100, &[Role::All(&[Role::Writes(&BIDS), Role::Writes(&TRADES)])]);
/// Reads one of the two.
pub(super) static BOARD: NodeDescriptor =
    NodeDescriptor { tags: &["board"], ..node("board", 110, &[Role::Reads(&TRADES)]) };
/// Reads a group, and is no member.
pub(super) static CLERK: NodeDescriptor = node("clerk", 120, &[Role::Learns(&LEDGER)]);
