//! JSON, for tools: everything that the graph knows, under names that stay.

use serde::Serialize;

use super::super::graph::{Edge, Flow, Graph, Node, Stream};

#[derive(Serialize)]
struct Document<'a> {
    /// Raised when a field changes its meaning or goes away; new fields may come at any time.
    format: u32,
    nodes: Vec<NodeDoc<'a>>,
    streams: Vec<StreamDoc<'a>>,
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
struct EdgeDoc<'a> {
    from: &'a str,
    to: &'a str,
    role: &'static str,
    network: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    require: Option<&'a str>,
}

pub(super) fn render(graph: &Graph) -> String {
    let document = Document {
        format: 1,
        nodes: graph.nodes.iter().map(node).collect(),
        streams: graph.streams.iter().map(stream).collect(),
        edges: graph.edges.iter().map(|one| edge(graph, one)).collect(),
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

fn edge<'a>(graph: &'a Graph, edge: &Edge) -> EdgeDoc<'a> {
    let (node, stream) = (&graph.nodes[edge.node], &graph.streams[edge.stream]);
    let (from, to) = match edge.flow {
        Flow::Produces => (node.name, stream.intent),
        Flow::Consumes => (stream.intent, node.name),
    };
    EdgeDoc { from, to, role: edge.flow.as_str(), network: node.network, require: graph.rule(edge) }
}
