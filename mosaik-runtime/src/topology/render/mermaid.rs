//! Mermaid, for documents: most forges and editors draw it.

use std::fmt::Write;

use super::{
    super::graph::{Access, Flow, Graph},
    text::{said_of, summary, wrap},
};

pub(super) fn render(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, network) in graph.networks().into_iter().enumerate() {
        let _ = writeln!(out, "  subgraph net{index} [\"network {}\"]", label(&[network]));
        for (i, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.network == network) {
            let tags = node.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
            let _ = writeln!(out, "    n{i}(\"{}\")", titled(&[node.name, &tags], node.docs));
        }
        for (i, stream) in graph.streams.iter().enumerate().filter(|(_, s)| s.network == network) {
            let head = [stream.intent, stream.type_name];
            let _ = writeln!(out, "    s{i}{{{{\"{}\"}}}}", titled(&head, stream.docs));
        }
        for (i, group) in graph.groups.iter().enumerate().filter(|(_, g)| g.network == network) {
            let contents = group.contents();
            let mut head = vec![group.intent, group.type_name, &group.summary];
            head.extend(contents.iter().map(String::as_str));
            let _ = writeln!(out, "    g{i}[(\"{}\")]", titled(&head, group.docs));
        }
        out.push_str("  end\n");
    }
    for edge in &graph.edges {
        let (from, to) = match edge.flow {
            Flow::Produces => (format!("n{}", edge.node), format!("s{}", edge.stream)),
            Flow::Consumes => (format!("s{}", edge.stream), format!("n{}", edge.node)),
        };
        let _ = match graph.rule(edge) {
            Some(rule) => writeln!(out, "  {from} -->|\"🔒 {}\"| {to}", label(&[rule])),
            None => writeln!(out, "  {from} --> {to}"),
        };
    }
    for member in &graph.memberships {
        let (from, way, to) = match member.access {
            Access::Member | Access::Writes => {
                (format!("n{}", member.node), "<-->", format!("g{}", member.group))
            }
            Access::Reads => (format!("g{}", member.group), "-->", format!("n{}", member.node)),
        };
        let _ = match said_of(graph, member) {
            Some(said) => writeln!(out, "  {from} {way}|\"{}\"| {to}", label(&[&said])),
            None => writeln!(out, "  {from} {way} {to}"),
        };
    }
    if let Some(caveat) = graph.caveat() {
        let _ = writeln!(out, "  %% {caveat}");
    }
    out
}

fn titled(head: &[&str], docs: &str) -> String {
    let mut lines: Vec<&str> = head.iter().copied().filter(|line| !line.is_empty()).collect();
    let note = wrap(&summary(docs), 36);
    lines.extend(note.iter().map(String::as_str));
    label(&lines)
}

/// Mermaid writes entities as `#name;`.
fn label(lines: &[&str]) -> String {
    let escaped = lines.iter().map(|line| escape(line));
    escaped.collect::<Vec<_>>().join("<br/>")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' => escaped.push_str("#35;"),
            '&' => escaped.push_str("#amp;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '"' => escaped.push_str("#quot;"),
            '`' => escaped.push_str("#96;"),
            c => escaped.push(c),
        }
    }
    escaped
}
