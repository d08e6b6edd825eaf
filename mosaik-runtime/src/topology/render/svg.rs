//! SVG, for people: rounded boxes are nodes, hexagons are streams, cylinders are groups, a lock on an arrow names its rule.
//!
//! Networks stand below each other, each in a frame. Colours are legible on white and on dark pages, and hovering shows
//! the full doc comment.

use std::fmt::Write;

use super::{
    super::graph::{Access, Flow, Graph},
    layout::{Arrow, Layout, Point, Size, lay_out},
    text::{escape_xml, summary, wrap},
};

const MARGIN: f64 = 24.0;
const TITLE: f64 = 34.0;
const LINE: f64 = 17.0;
const CUT: f64 = 16.0;
/// Half the height of a cylinder's lid.
const LID: f64 = 7.0;
const STYLE: &str = "text{font-family:ui-sans-serif,system-ui,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px;\
fill:#1f2933}.name{font-size:15px;font-weight:600}.note{fill:#52606d}.type{fill:#7b341e;font-family:ui-monospace,\
'DejaVu Sans Mono',monospace}.net{fill:#627d98;font-size:13px}.frame{fill:#f5f7fa;stroke:#cbd2d9}\
.node{fill:#e3f2fd;stroke:#1e6fb8;stroke-width:1.5}.stream{fill:#fff4e0;stroke:#c77700;stroke-width:1.5}\
.group{fill:#e8f5e9;stroke:#2e7d32;stroke-width:1.5}.flow{fill:none;stroke:#486581;stroke-width:1.6}.rule{fill:#9b2c2c;paint-order:stroke;stroke:#f5f7fa;\
stroke-width:5px}.lock{fill:none;stroke:#9b2c2c;stroke-width:1.6}.lock rect{fill:#9b2c2c}";

/// What a box stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Node,
    Stream,
    Group,
}

/// A box of the picture: lines of text with their class, and what hovering shows.
struct Card<'a> {
    kind: Kind,
    lines: Vec<(&'static str, String)>,
    docs: &'a str,
}

impl Card<'_> {
    fn size(&self) -> Size {
        let wide = self.lines.iter().map(|(class, text)| text_width(class, text)).fold(0.0, f64::max);
        let (around, above, cut) = match self.kind {
            Kind::Node => (32.0, 22.0, 0.0),
            Kind::Stream => (56.0, 22.0, CUT),
            Kind::Group => (32.0, 22.0 + 3.0 * LID, 0.0),
        };
        Size { width: (wide + around).max(96.0), height: self.lines.len() as f64 * LINE + above, cut }
    }
}

pub(super) fn render(graph: &Graph) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (240.0_f64, MARGIN);
    for network in graph.networks() {
        let (cards, arrows, edges) = network_parts(graph, network);
        let sizes: Vec<Size> = cards.iter().map(Card::size).collect();
        let layout = lay_out(&sizes, &arrows);
        let frame = Size {
            width: layout.width.max(text_width("net", network) + 80.0) + 2.0 * MARGIN,
            height: layout.height + TITLE + 2.0 * MARGIN,
            cut: 0.0,
        };
        let _ = writeln!(
            body,
            "<g transform=\"translate({MARGIN} {y})\">\n<rect class=\"frame\" width=\"{:.0}\" height=\"{:.0}\" rx=\"14\"/>\n\
             <text class=\"net\" x=\"16\" y=\"24\">network {}</text>\n<g transform=\"translate({MARGIN} {:.0})\">",
            frame.width,
            frame.height,
            escape_xml(network),
            TITLE + MARGIN,
        );
        draw(&mut body, &cards, &sizes, &layout, &edges);
        body.push_str("</g>\n</g>\n");
        width = width.max(frame.width + 2.0 * MARGIN);
        y += frame.height + MARGIN;
    }
    if let Some(caveat) = graph.caveat() {
        let _ = writeln!(
            body,
            "<text class=\"note\" x=\"{MARGIN}\" y=\"{:.0}\">{}</text>",
            y,
            escape_xml(caveat)
        );
        width = width.max(text_width("note", caveat) + 2.0 * MARGIN);
        y += MARGIN;
    }
    document(width, y, &body)
}

fn document(width: f64, height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" \
         refY=\"5\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto-start-reverse\"><path d=\"M0 0L10 5L0 10z\" fill=\"#486581\"/>\
         </marker></defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// What an arrow is drawn as, beside its way.
struct Line<'a> {
    rule: Option<&'a str>,
    /// The collections that it is about, where it is not about all of a group.
    some: Option<String>,
    /// A member gives and takes.
    both_ways: bool,
}

type Parts<'a> = (Vec<Card<'a>>, Vec<Arrow>, Vec<Line<'a>>);

/// The boxes and arrows of one network.
fn network_parts<'a>(graph: &'a Graph, network: &str) -> Parts<'a> {
    let mut cards = Vec::new();
    let mut node_cards = vec![None; graph.nodes.len()];
    let mut stream_cards = vec![None; graph.streams.len()];
    let mut group_cards = vec![None; graph.groups.len()];
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.network == network) {
        node_cards[index] = Some(cards.len());
        let tags = node.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
        cards.push(card(Kind::Node, node.name, &[&tags], node.docs));
    }
    for (index, stream) in graph.streams.iter().enumerate().filter(|(_, s)| s.network == network) {
        stream_cards[index] = Some(cards.len());
        cards.push(card(Kind::Stream, stream.intent, &[stream.type_name], stream.docs));
    }
    for (index, group) in graph.groups.iter().enumerate().filter(|(_, g)| g.network == network) {
        group_cards[index] = Some(cards.len());
        let contents = group.contents();
        let mut more = vec![group.type_name, &group.summary];
        more.extend(contents.iter().map(String::as_str));
        cards.push(card(Kind::Group, group.intent, &more, group.docs));
    }
    let (mut arrows, mut lines) = (Vec::new(), Vec::new());
    for edge in &graph.edges {
        let (Some(node), Some(stream)) = (node_cards[edge.node], stream_cards[edge.stream]) else { continue };
        let (from, to) = if edge.flow == Flow::Produces { (node, stream) } else { (stream, node) };
        let line = Line { rule: graph.rule(edge), some: None, both_ways: false };
        arrows.push(Arrow { from, to, label: line.label() });
        lines.push(line);
    }
    for member in &graph.memberships {
        let (Some(from), Some(to)) = (node_cards[member.node], group_cards[member.group]) else { continue };
        let reads = member.access == Access::Reads;
        let (from, to) = if reads { (to, from) } else { (from, to) };
        let some = graph.some_of_group(member);
        let line = Line { rule: graph.rule_of_member(member), some, both_ways: !reads };
        arrows.push(Arrow { from, to, label: line.label() });
        lines.push(line);
    }
    (cards, arrows, lines)
}

impl Line<'_> {
    /// How much room its label needs.
    fn label(&self) -> f64 {
        let rule = self.rule.map_or(0.0, |rule| text_width("rule", rule) + 20.0);
        self.some.as_deref().map_or(rule, |some| rule.max(text_width("note", some) + 20.0))
    }
}

fn card<'a>(kind: Kind, name: &str, more: &[&str], docs: &'a str) -> Card<'a> {
    let mut lines = vec![("name", name.to_owned())];
    lines.extend(more.iter().filter(|line| !line.is_empty()).map(|line| ("type", (*line).to_owned())));
    lines.extend(wrap(&summary(docs), 34).into_iter().map(|line| ("note", line)));
    Card { kind, lines, docs }
}

fn draw(out: &mut String, cards: &[Card<'_>], sizes: &[Size], layout: &Layout, lines: &[Line<'_>]) {
    for (route, line) in layout.routes.iter().zip(lines) {
        let start = if line.both_ways { " marker-start=\"url(#head)\"" } else { "" };
        let _ =
            writeln!(out, "<path class=\"flow\" d=\"{}\"{start} marker-end=\"url(#head)\"/>", curve(route));
    }
    for ((card, size), centre) in cards.iter().zip(sizes).zip(&layout.centres) {
        draw_card(out, card, *size, *centre);
    }
    for (route, line) in layout.routes.iter().zip(lines) {
        if let (Some(rule), [from, to, ..]) = (line.rule, route.as_slice()) {
            draw_rule(out, rule, Point { x: (from.x + to.x) / 2.0, y: (from.y + to.y) / 2.0 });
        }
        if let (Some(some), [from, to, ..]) = (&line.some, route.as_slice()) {
            let (x, y) = ((from.x + to.x) / 2.0, (from.y + to.y) / 2.0 + 14.0);
            let text = escape_xml(some);
            let _ = writeln!(
                out,
                "<text class=\"note\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>"
            );
        }
    }
}

fn curve(route: &[Point]) -> String {
    let mut path = String::new();
    for (index, point) in route.iter().enumerate() {
        let _ = match index.checked_sub(1).and_then(|before| route.get(before)) {
            None => write!(path, "M{:.1} {:.1}", point.x, point.y),
            Some(before) => {
                let middle = (before.x + point.x) / 2.0;
                write!(
                    path,
                    "C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
                    before.y, point.y, point.x, point.y
                )
            }
        };
    }
    path
}

fn draw_card(out: &mut String, card: &Card<'_>, size: Size, centre: Point) {
    let Size { width: w, height: h, .. } = size;
    let (x, y) = (centre.x - w / 2.0, centre.y - h / 2.0);
    out.push_str("<g>");
    if !card.docs.is_empty() {
        let _ = write!(out, "<title>{}</title>", escape_xml(card.docs));
    }
    match card.kind {
        Kind::Node => draw_box(out, x, y, w, h),
        Kind::Stream => draw_hexagon(out, x, y, size),
        Kind::Group => draw_cylinder(out, x, y, w, h),
    }
    let first = if card.kind == Kind::Group { 24.0 + 2.0 * LID } else { 24.0 };
    for (index, (class, text)) in card.lines.iter().enumerate() {
        let baseline = y + first + index as f64 * LINE;
        let text = escape_xml(text);
        let _ = write!(
            out,
            "<text class=\"{class}\" x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\">{text}</text>",
            centre.x
        );
    }
    out.push_str("</g>\n");
}

fn draw_box(out: &mut String, x: f64, y: f64, w: f64, h: f64) {
    let _ = write!(
        out,
        "<rect class=\"node\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"10\"/>"
    );
}

fn draw_hexagon(out: &mut String, x: f64, y: f64, size: Size) {
    let Size { width, height, cut } = size;
    let (right, bottom, middle) = (x + width, y + height, y + height / 2.0);
    let _ = write!(
        out,
        "<polygon class=\"stream\" points=\"{x:.1},{middle:.1} {:.1},{y:.1} {:.1},{y:.1} {right:.1},{middle:.1} \
         {:.1},{bottom:.1} {:.1},{bottom:.1}\"/>",
        x + cut,
        right - cut,
        right - cut,
        x + cut,
    );
}

fn draw_cylinder(out: &mut String, x: f64, y: f64, w: f64, h: f64) {
    let (across, side, top) = (w / 2.0, h - 2.0 * LID, y + LID);
    let _ = write!(
        out,
        "<path class=\"group\" d=\"M{x:.1} {top:.1}a{across:.1} {LID} 0 0 1 {w:.1} 0v{side:.1}a{across:.1} {LID} 0 0 1 \
         -{w:.1} 0zM{x:.1} {top:.1}a{across:.1} {LID} 0 0 0 {w:.1} 0\"/>"
    );
}

/// A lock with the rule beside it, over the middle of an arrow.
fn draw_rule(out: &mut String, rule: &str, at: Point) {
    let left = at.x - (text_width("rule", rule) + 16.0) / 2.0;
    let _ = writeln!(
        out,
        "<g class=\"lock\" transform=\"translate({left:.1} {:.1})\"><rect x=\"0\" y=\"5\" width=\"10\" height=\"8\" \
         rx=\"1.5\"/><path d=\"M2.2 5V3.4a2.8 2.8 0 0 1 5.6 0V5\"/></g>\n<text class=\"rule\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        at.y - 18.0,
        left + 15.0,
        at.y - 7.0,
        escape_xml(rule),
    );
}

/// About how wide a text is drawn; fonts differ, so this errs to the wide side.
fn text_width(class: &str, text: &str) -> f64 {
    let per_character = match class {
        "name" => 8.8,
        "type" => 7.4,
        _ => 6.7,
    };
    let units: f64 = text.chars().map(|c| if u32::from(c) >= 0x1100 { 2.0 } else { 1.0 }).sum();
    units * per_character
}
