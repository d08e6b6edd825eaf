//! DOT, for Graphviz.

use std::fmt::Write;

use super::{
    super::graph::{Access, Flow, Graph},
    text::{said_of, summary, wrap},
};

pub(super) fn render(graph: &Graph) -> String {
    let mut out = String::from("digraph mosaik {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    out.push_str("  edge [fontname=\"sans-serif\", fontsize=10];\n");
    if let Some(caveat) = graph.caveat() {
        let _ = writeln!(out, "  label={};", quoted(&[caveat]));
    }
    for (index, network) in graph.networks().into_iter().enumerate() {
        let title = quoted(&[&format!("network {network}")]);
        let _ = writeln!(out, "  subgraph cluster_{index} {{\n    label={title};\n    style=rounded;");
        for (i, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.network == network) {
            let tags = node.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
            let (text, tip) = (titled(&[node.name, &tags], node.docs), quoted(&[node.docs]));
            let _ = writeln!(out, "    n{i} [shape=box, style=rounded, label={text}, tooltip={tip}];");
        }
        for (i, stream) in graph.streams.iter().enumerate().filter(|(_, s)| s.network == network) {
            let text = titled(&[stream.intent, stream.type_name], stream.docs);
            let _ =
                writeln!(out, "    s{i} [shape=hexagon, label={text}, tooltip={}];", quoted(&[stream.docs]));
        }
        for (i, group) in graph.groups.iter().enumerate().filter(|(_, g)| g.network == network) {
            let contents = group.contents();
            let mut head = vec![group.intent, group.type_name, &group.summary];
            head.extend(contents.iter().map(String::as_str));
            let text = titled(&head, group.docs);
            let _ =
                writeln!(out, "    g{i} [shape=cylinder, label={text}, tooltip={}];", quoted(&[group.docs]));
        }
        out.push_str("  }\n");
    }
    for edge in &graph.edges {
        let (from, to) = match edge.flow {
            Flow::Produces => (format!("n{}", edge.node), format!("s{}", edge.stream)),
            Flow::Consumes => (format!("s{}", edge.stream), format!("n{}", edge.node)),
        };
        let rule = graph.rule(edge).map(|rule| format!(" [label={}]", quoted(&[&format!("🔒 {rule}")])));
        let _ = writeln!(out, "  {from} -> {to}{};", rule.unwrap_or_default());
    }
    for member in &graph.memberships {
        let rule = said_of(graph, member).map(|said| format!(", label={}", quoted(&[&said])));
        let direction = if member.access == Access::Reads { "back" } else { "both" };
        let rule = rule.unwrap_or_default();
        let _ = writeln!(out, "  n{} -> g{} [dir={direction}{rule}];", member.node, member.group);
    }
    out.push_str("}\n");
    out
}

fn titled(head: &[&str], docs: &str) -> String {
    let mut lines: Vec<&str> = head.iter().copied().filter(|line| !line.is_empty()).collect();
    let note = wrap(&summary(docs), 36);
    lines.extend(note.iter().map(String::as_str));
    quoted(&lines)
}

/// A quoted string of DOT; lines are joined by its `\n`.
fn quoted(lines: &[&str]) -> String {
    let escaped =
        lines.iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    format!("\"{}\"", escaped.collect::<Vec<_>>().join("\\n"))
}
