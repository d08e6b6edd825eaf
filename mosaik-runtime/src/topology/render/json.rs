//! JSON, for tools: everything that the graph knows, under names that stay.

use serde::Serialize;

use super::super::{
    graph::{Edge, Flow, Graph, Group, Membership, Node, Shared, Stream},
    group::VoterSet,
};

#[derive(Serialize)]
struct Document<'a> {
    /// Raised when a field changes its meaning or goes away; new fields may come at any time.
    format: u32,
    nodes: Vec<NodeDoc<'a>>,
    streams: Vec<StreamDoc<'a>>,
    groups: Vec<GroupDoc<'a>>,
    edges: Vec<EdgeDoc<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    caveat: Option<&'a str>,
}

#[derive(Serialize)]
struct NodeDoc<'a> {
    name: &'a str,
    network: &'a str,
    tags: &'a [&'a str],
    reach: &'a str,
    docs: &'a str,
    source: String,
}

#[derive(Serialize)]
struct StreamDoc<'a> {
    intent: &'a str,
    id: &'a str,
    network: &'a str,
    type_name: &'a str,
    schema: String,
    options: OptionsDoc,
    #[serde(skip_serializing_if = "Option::is_none")]
    producers: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumers: Option<&'a str>,
    docs: &'a str,
    source: String,
}

#[derive(Serialize)]
struct OptionsDoc {
    #[serde(skip_serializing_if = "Option::is_none")]
    buffer: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_consumers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    online_when: Option<String>,
}

#[derive(Serialize)]
struct GroupDoc<'a> {
    intent: &'a str,
    id: &'a str,
    network: &'a str,
    type_name: &'a str,
    schema: String,
    voters: VotersDoc,
    options: GroupOptionsDoc,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readers: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    collections: Vec<SharedDoc<'a>>,
    docs: &'a str,
    source: String,
}

#[derive(Serialize)]
struct SharedDoc<'a> {
    name: &'a str,
    intent: &'a str,
    container: &'a str,
    docs: &'a str,
}

/// `3`, `"founder"` or the ids.
#[derive(Serialize)]
#[serde(untagged)]
enum VotersDoc {
    Count(u8),
    Founder(&'static str),
    List(Vec<String>),
}

#[derive(Serialize)]
struct GroupOptionsDoc {
    storage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline_ms: Option<u128>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    evict_after_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committee: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    founder: Option<String>,
}

#[derive(Serialize)]
struct EdgeDoc<'a> {
    from: &'a str,
    to: &'a str,
    role: &'static str,
    network: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    collections: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    require: Option<&'a str>,
}

pub(super) fn render(graph: &Graph) -> String {
    let edges = graph.edges.iter().map(|one| edge(graph, one));
    let document = Document {
        format: 1,
        nodes: graph.nodes.iter().map(node).collect(),
        streams: graph.streams.iter().map(stream).collect(),
        groups: graph.groups.iter().map(group).collect(),
        edges: edges.chain(graph.memberships.iter().map(|one| membership(graph, one))).collect(),
        caveat: graph.caveat(),
    };
    // Strings and numbers alone: serde_json cannot refuse them.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn node(node: &Node) -> NodeDoc<'_> {
    NodeDoc {
        name: node.name,
        network: node.network,
        tags: node.tags,
        reach: node.reach.as_str(),
        docs: node.docs,
        source: node.source.to_string(),
    }
}

fn stream(stream: &Stream) -> StreamDoc<'_> {
    let options = &stream.options;
    StreamDoc {
        intent: stream.intent,
        id: &stream.id,
        network: stream.network,
        type_name: stream.type_name,
        schema: stream.fingerprint.to_string(),
        options: OptionsDoc {
            buffer: options.buffer,
            replay: options.replay,
            overflow: options.overflow.map(|overflow| overflow.as_str()),
            max_consumers: options.max_consumers,
            online_when: options.online_when.map(|when| match when.tag {
                Some(tag) => format!("subscribed({}, tag({tag:?}))", when.subscribers),
                None => format!("subscribed({})", when.subscribers),
            }),
        },
        producers: stream.producers.as_deref(),
        consumers: stream.consumers.as_deref(),
        docs: stream.docs,
        source: stream.source.to_string(),
    }
}

fn group(group: &Group) -> GroupDoc<'_> {
    let options = &group.options;
    GroupDoc {
        intent: group.intent,
        id: &group.id,
        network: group.network,
        type_name: group.type_name,
        schema: group.fingerprint.to_string(),
        voters: match group.voters {
            VoterSet::Count(count) => VotersDoc::Count(count),
            VoterSet::Founder => VotersDoc::Founder("founder"),
            VoterSet::List(peers) => VotersDoc::List(peers.iter().map(ToString::to_string).collect()),
        },
        options: GroupOptionsDoc {
            storage: options.storage.as_str(),
            key: options.key.map(|key| key.to_string()),
            deadline_ms: options.deadline.map(|time| time.as_millis()),
            strict: options.strict,
            evict_after_ms: options.evict_after.map(|time| time.as_millis()),
            round_trip_ms: options.round_trip.map(|time| time.as_millis()),
            committee: options.committee,
            founder: options.founder.map(|peer| peer.to_string()),
        },
        members: group.members.as_deref(),
        readers: group.readers.as_deref(),
        collections: group.collections.iter().map(shared).collect(),
        docs: group.docs,
        source: group.source.to_string(),
    }
}

fn shared(shared: &Shared) -> SharedDoc<'_> {
    let Shared { name, intent, container, docs } = *shared;
    SharedDoc { name, intent, container, docs }
}

fn membership<'a>(graph: &'a Graph, membership: &'a Membership) -> EdgeDoc<'a> {
    let (node, group) = (&graph.nodes[membership.node], &graph.groups[membership.group]);
    EdgeDoc {
        from: node.name,
        to: group.intent,
        role: membership.access.as_str(),
        network: node.network,
        collections: &membership.collections,
        require: graph.rule_of_member(membership),
    }
}

fn edge<'a>(graph: &'a Graph, edge: &Edge) -> EdgeDoc<'a> {
    let (node, stream) = (&graph.nodes[edge.node], &graph.streams[edge.stream]);
    let (from, to) = match edge.flow {
        Flow::Produces => (node.name, stream.intent),
        Flow::Consumes => (stream.intent, node.name),
    };
    let require = graph.rule(edge);
    EdgeDoc { from, to, role: edge.flow.as_str(), network: node.network, collections: &[], require }
}
