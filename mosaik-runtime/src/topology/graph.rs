//! The data-flow graph of a program: its nodes, streams and groups, who sends what to whom, and who keeps what together.
//!
//! It is made from descriptors alone. Nodes stand in the order in which the program lists them, streams and groups in the
//! order of their first use, so that one program always gives one text.

use super::{
    collection::CollectionDescriptor,
    descriptor::{NodeDescriptor, Role, Source, StreamDescriptor, StreamOptions},
    group::{GroupDescriptor, GroupOptions, VoterSet},
};
use crate::primitives::{
    Reach,
    policy::Rule,
    schema::{Fingerprint, Seen},
};

/// A program as a graph. An edge runs from a node to a stream or from a stream to a node, never between networks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The nodes, in the program's order.
    pub nodes: Vec<Node>,
    /// The streams, in the order of their first use.
    pub streams: Vec<Stream>,
    /// The groups, in the order of their first use.
    pub groups: Vec<Group>,
    /// The edges: for each node its own, in the order of its parameters.
    pub edges: Vec<Edge>,
    /// Who is in which group, in the same order.
    pub memberships: Vec<Membership>,
}

/// A node of the program.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name.
    pub name: &'static str,
    /// The network that it joins.
    pub network: &'static str,
    /// The tags that it claims.
    pub tags: &'static [&'static str],
    /// How far it looks.
    pub reach: Reach,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

/// A stream on one network. The same declaration used on two networks is two streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// Its name.
    pub intent: &'static str,
    /// The declared id, as hex.
    pub id: String,
    /// The network.
    pub network: &'static str,
    /// The Rust type that travels.
    pub type_name: &'static str,
    /// The fingerprint of that type's shape.
    pub fingerprint: Fingerprint,
    /// What the attribute says.
    pub options: StreamOptions,
    /// Who may produce, if not everybody.
    pub producers: Option<String>,
    /// Who may consume, if not everybody.
    pub consumers: Option<String>,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

/// A group on one network. The same declaration used on two networks is two groups.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub intent: &'static str,
    /// The declared id, as hex.
    pub id: String,
    /// The network.
    pub network: &'static str,
    /// The Rust type of the state.
    pub type_name: &'static str,
    /// The fingerprint of the state machine's shape.
    pub fingerprint: Fingerprint,
    /// The first committee.
    pub voters: VoterSet,
    /// What else the attribute says.
    pub options: GroupOptions,
    /// Voters and storage in words.
    pub summary: String,
    /// Who may be a member, if not everybody.
    pub members: Option<String>,
    /// Who may read without being a member, if not everybody.
    pub readers: Option<String>,
    /// The collections that share it, as far as the program names them.
    pub collections: Vec<Shared>,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

/// A collection that shares its group with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Its name in the group.
    pub name: &'static str,
    /// Its intent.
    pub intent: &'static str,
    /// What it is.
    pub container: &'static str,
    /// The user's doc comment.
    pub docs: &'static str,
}

/// One node in one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The index of the node.
    pub node: usize,
    /// The index of the group.
    pub group: usize,
    /// What it does there.
    pub access: Access,
    /// The names of the collections that it does it to, where several share the group.
    pub collections: Vec<&'static str>,
}

/// What a node does in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It is a member.
    Member,
    /// It is a member, and writes a collection.
    Writes,
    /// It reads, and is no member.
    Reads,
}

impl Access {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Writes => "writes",
            Self::Reads => "reads",
        }
    }
}

/// Which way data flows along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// From the node into the stream.
    Produces,
    /// From the stream to the node.
    Consumes,
}

impl Flow {
    /// The verb.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Produces => "produces",
            Self::Consumes => "consumes",
        }
    }
}

/// One role of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The index of the node.
    pub node: usize,
    /// The index of the stream.
    pub stream: usize,
    /// Which way data flows.
    pub flow: Flow,
}

impl Graph {
    /// The graph of these nodes.
    pub fn of(nodes: &[&'static NodeDescriptor]) -> Self {
        let mut graph = Self::default();
        for node in nodes {
            let index = graph.nodes.len();
            graph.nodes.push(Node {
                name: node.name,
                network: node.network,
                tags: node.tags,
                reach: node.reach,
                docs: node.docs,
                source: node.source,
            });
            for role in node.flat_roles() {
                graph.connect(index, role);
            }
        }
        graph
    }

    fn connect(&mut self, node: usize, role: Role) {
        let network = self.nodes[node].network;
        let (flow, descriptor) = match role {
            Role::Produces(stream) => (Flow::Produces, stream),
            Role::Consumes(stream) => (Flow::Consumes, stream),
            Role::Member(group) => {
                let group = self.group(network, group);
                return self.join(Membership {
                    node,
                    group,
                    access: Access::Member,
                    collections: Vec::new(),
                });
            }
            Role::Learns(group) => {
                let group = self.group(network, group);
                return self.join(Membership { node, group, access: Access::Reads, collections: Vec::new() });
            }
            Role::Writes(collection) => return self.opens(node, network, collection, Access::Writes),
            Role::Reads(collection) => return self.opens(node, network, collection, Access::Reads),
            Role::All(_) | Role::Extra(_) | Role::None => return,
        };
        let edge = Edge { node, stream: self.stream(network, descriptor), flow };
        if !self.edges.contains(&edge) {
            self.edges.push(edge);
        }
    }

    fn opens(
        &mut self,
        node: usize,
        network: &'static str,
        collection: &'static CollectionDescriptor,
        access: Access,
    ) {
        let group = self.collection(network, collection);
        let collections = Some(collection.part).filter(|part| !part.is_empty()).into_iter().collect();
        self.join(Membership { node, group, access, collections });
    }

    /// What a node does to several collections of one group is one line of the picture.
    fn join(&mut self, new: Membership) {
        let known = self
            .memberships
            .iter_mut()
            .find(|old| (old.node, old.group, old.access) == (new.node, new.group, new.access));
        match known {
            Some(old) => {
                let before = old.collections.clone();
                old.collections.extend(new.collections.into_iter().filter(|name| !before.contains(name)));
            }
            None => self.memberships.push(new),
        }
    }

    /// The group of a collection, with the collection's rule for readers.
    fn collection(&mut self, network: &'static str, descriptor: &'static CollectionDescriptor) -> usize {
        let group = self.group(network, descriptor.group);
        let shared = &mut self.groups[group].collections;
        if !descriptor.part.is_empty() && shared.iter().all(|one| one.name != descriptor.part) {
            shared.push(Shared {
                name: descriptor.part,
                intent: descriptor.intent.text,
                container: descriptor.container,
                docs: descriptor.docs,
            });
        }
        self.groups[group].readers = written(&descriptor.readers);
        group
    }

    fn stream(&mut self, network: &'static str, descriptor: &'static StreamDescriptor) -> usize {
        let stream = Stream::of(network, descriptor);
        let known = self.streams.iter().position(|other| {
            (other.network, &other.id, other.fingerprint) == (stream.network, &stream.id, stream.fingerprint)
        });
        known.unwrap_or_else(|| {
            self.streams.push(stream);
            self.streams.len() - 1
        })
    }

    fn group(&mut self, network: &'static str, descriptor: &'static GroupDescriptor) -> usize {
        let group = Group::of(network, descriptor);
        let known = self.groups.iter().position(|other| {
            (other.network, &other.id, other.fingerprint) == (group.network, &group.id, group.fingerprint)
        });
        known.unwrap_or_else(|| {
            self.groups.push(group);
            self.groups.len() - 1
        })
    }

    /// The rule that an edge stands under, if not everybody may take it.
    pub fn rule(&self, edge: &Edge) -> Option<&str> {
        let stream = &self.streams[edge.stream];
        let rule = match edge.flow {
            Flow::Produces => &stream.producers,
            Flow::Consumes => &stream.consumers,
        };
        rule.as_deref()
    }

    /// The rule that a node stands under in a group, if not everybody may.
    pub fn rule_of_member(&self, member: &Membership) -> Option<&str> {
        let group = &self.groups[member.group];
        match member.access {
            Access::Member | Access::Writes => group.members.as_deref(),
            Access::Reads => group.readers.as_deref(),
        }
    }

    /// The collections that a node writes or reads, where it leaves out some that share the group.
    pub fn some_of_group(&self, member: &Membership) -> Option<String> {
        let all = self.groups[member.group].collections.len();
        (!member.collections.is_empty() && member.collections.len() < all)
            .then(|| member.collections.join(", "))
    }

    /// The names of the networks, in the order of their first node.
    pub fn networks(&self) -> Vec<&'static str> {
        let mut networks = Vec::new();
        for node in &self.nodes {
            if !networks.contains(&node.network) {
                networks.push(node.network);
            }
        }
        networks
    }

    /// What a reader of the picture must know about its locks: a rule on tags trusts what nodes say of themselves.
    pub fn caveat(&self) -> Option<&'static str> {
        let members = self
            .groups
            .iter()
            .flat_map(|group| [&group.members, &group.readers])
            .filter_map(|rule| rule.as_deref());
        let rules = self.edges.iter().filter_map(|edge| self.rule(edge)).chain(members);
        let rules: Vec<&str> = rules.collect();
        let has = |words: &str| rules.iter().any(|rule| rule.contains(words));
        match (has("tag("), has(SIMULATED)) {
            (true, true) => Some(
                "Tags are claims of a node about itself, not proofs. A simulated platform proves nothing: for development alone.",
            ),
            (true, false) => Some("Tags are claims of a node about itself, not proofs."),
            (false, true) => Some("A simulated platform proves nothing: for development alone."),
            (false, false) => None,
        }
    }
}

impl Stream {
    fn of(network: &'static str, descriptor: &'static StreamDescriptor) -> Self {
        Self {
            intent: descriptor.intent.text,
            id: descriptor.id().to_string(),
            network,
            type_name: descriptor.type_name,
            fingerprint: (descriptor.schema)(&mut Seen::default()).fingerprint(),
            options: descriptor.options,
            producers: written(&descriptor.producers),
            consumers: written(&descriptor.consumers),
            docs: descriptor.docs,
            source: descriptor.source,
        }
    }
}

impl Group {
    /// The collections that share it, one a line.
    pub fn contents(&self) -> Vec<String> {
        let shown = |one: &Shared| {
            let whole = one.container.trim_start_matches("mosaik::");
            format!("{}: {}", one.name, whole.trim_start_matches("collections::"))
        };
        self.collections.iter().map(shown).collect()
    }

    fn of(network: &'static str, descriptor: &'static GroupDescriptor) -> Self {
        Self {
            intent: descriptor.intent.text,
            id: descriptor.id().to_string(),
            network,
            type_name: descriptor.type_name,
            fingerprint: (descriptor.schema)(&mut Seen::default()).fingerprint(),
            voters: descriptor.voters,
            options: descriptor.options,
            summary: descriptor.summary(),
            members: written(&descriptor.members),
            readers: None,
            collections: Vec::new(),
            docs: descriptor.docs,
            source: descriptor.source,
        }
    }
}

/// The note of a proof that the simulated platform can make.
pub(crate) const SIMULATED: &str = "simulated platform";

/// A rule with what must be known about its proofs.
fn written(rule: &Rule) -> Option<String> {
    if matches!(rule, Rule::Anyone) {
        return None;
    }
    let mut notes: Vec<String> = Vec::new();
    for proof in rule.proofs().into_iter().filter(|proof| !proof.note.is_empty()) {
        let note = format!("{}: {}", proof.name, proof.note);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    Some(format!("{rule}{notes}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::fixtures::{
        AUDITOR, BOARD, CLERK, DESK, ENGINE, MATCHER, OTHER_NETWORK, SENSOR, TELLER,
    };

    #[test]
    fn a_role_written_twice_is_one_edge() {
        let graph = Graph::of(&[&DESK, &MATCHER]);
        assert_eq!((graph.nodes.len(), graph.streams.len(), graph.edges.len()), (2, 2, 4));
        assert_eq!(graph.rule(&graph.edges[0]), Some("tag(\"desk\")"));
    }

    #[test]
    fn one_declaration_on_two_networks_is_two_streams() {
        let graph = Graph::of(&[&SENSOR, &OTHER_NETWORK]);
        assert_eq!(graph.networks(), ["fleet", "lab"]);
        assert_eq!(graph.streams.len(), 2);
        assert!(graph.caveat().is_none());
    }

    #[test]
    fn who_learns_from_a_group_reads_it() {
        let graph = Graph::of(&[&TELLER, &CLERK]);
        let accesses: Vec<_> = graph.memberships.iter().map(|one| (one.group, one.access)).collect();
        assert_eq!(accesses, [(0, Access::Member), (0, Access::Reads)]);
        assert_eq!(graph.rule_of_member(&graph.memberships[1]), None, "that rule is for members");
    }

    #[test]
    fn collections_of_one_group_are_one_group() {
        let graph = Graph::of(&[&ENGINE, &BOARD]);
        assert_eq!(graph.groups.len(), 1);
        assert_eq!(graph.groups[0].contents(), ["bids: Map<u64, Order>", "trades: Vec<Trade>"]);
        let [engine, board] = graph.memberships.as_slice() else { panic!("{:?}", graph.memberships) };
        assert_eq!((engine.access, &*engine.collections), (Access::Writes, &["bids", "trades"][..]));
        assert_eq!((board.access, &*board.collections), (Access::Reads, &["trades"][..]));
        assert_eq!(graph.some_of_group(engine), None);
        assert_eq!(graph.some_of_group(board).as_deref(), Some("trades"));
        assert_eq!(graph.rule_of_member(board), Some("tag(\"board\")"));
    }

    #[test]
    fn members_of_one_group_meet_in_it() {
        let graph = Graph::of(&[&TELLER, &AUDITOR]);
        assert_eq!((graph.groups.len(), graph.memberships.len(), graph.edges.len()), (1, 2, 0));
        assert_eq!(graph.groups[0].summary, "3 voters, durable");
        assert!(graph.caveat().is_some());
    }
}
