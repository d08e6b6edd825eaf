//! Start-up checks: everything that is wrong with a program's declarations, listed at once with file and line.
//!
//! The compiler sees one declaration at a time; here all that a program's nodes name stand beside each other. What is
//! only known on the network (who else is there, which tags are added at run time) is not judged here.

use std::fmt;

use super::descriptor::{NodeDescriptor, Role, Source, StreamDescriptor};
use crate::primitives::{
    Decision, Tag, intent,
    policy::Rule,
    schema::{Seen, Shape, difference},
};

/// Node names that the command line needs for itself.
pub const RESERVED: [&str; 3] = ["topology", "keygen", "help"];

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// One intent stands for two shapes.
    #[error("`{intent}` is declared with two schemas: {difference}; give one of them another intent")]
    TwoSchemas {
        /// The intent.
        intent: &'static str,
        /// What differs, the first declaration being "here".
        difference: String,
        /// The two declarations.
        places: [Source; 2],
    },
    /// One intent stands for two sets of options or rules.
    #[error("`{intent}` is declared twice with different {what}: {first} and {second}; declare it once")]
    TwoSettings {
        /// The intent.
        intent: &'static str,
        /// What differs: `buffer`, `require(producers)` and so on.
        what: &'static str,
        /// The value of the first declaration.
        first: String,
        /// The value of the second.
        second: String,
        /// The two declarations.
        places: [Source; 2],
    },
    /// One id stands for two intents.
    #[error("`{first}` and `{second}` have the same id: remove `id = hex(..)` from one of them")]
    TwoIntents {
        /// The intent of the first declaration.
        first: &'static str,
        /// The intent of the second.
        second: &'static str,
        /// The two declarations.
        places: [Source; 2],
    },
    /// One intent has two ids, so that its nodes would never meet.
    #[error(
        "`{intent}` is declared with two ids and its nodes would never meet: write the same `id = hex(..)` in both"
    )]
    TwoIds {
        /// The intent.
        intent: &'static str,
        /// The two declarations.
        places: [Source; 2],
    },
    /// Two nodes of the program have one name.
    #[error("two nodes are called `{name}`: give one of them another with `name = \"…\"`")]
    TwoNodes {
        /// The name.
        name: &'static str,
        /// The two nodes.
        places: [Source; 2],
    },
    /// The name cannot be written on the command line.
    #[error(
        "`{name}` cannot be the name of a node: use letters, digits, `-` and `_`, and none of {}",
        reserved()
    )]
    NodeName {
        /// The name.
        name: &'static str,
        /// The node.
        place: Source,
    },
    /// The text is no intent.
    #[error("{0}", intent::NotAnIntent((*text).to_owned()))]
    IntentText {
        /// The text.
        text: &'static str,
        /// The declaration.
        place: Source,
    },
    /// The text is no tag.
    #[error(
        "node `{node}` has the tag {tag:?}, which cannot be one: use 1 to 64 bytes of printable text without white space"
    )]
    TagText {
        /// The node.
        node: &'static str,
        /// The text.
        tag: &'static str,
        /// The node's place.
        place: Source,
    },
    /// The text is no name of a network.
    #[error(
        "node `{node}` joins {network:?}, which is no network's name: use lower-case words joined by dots"
    )]
    NetworkText {
        /// The node.
        node: &'static str,
        /// The text.
        network: &'static str,
        /// The node's place.
        place: Source,
    },
    /// A rule that this node can never meet.
    #[error("node `{node}` cannot {verb} `{intent}`, which requires {rule}: {}", claimed(tags))]
    Unmet {
        /// The node.
        node: &'static str,
        /// `produce` or `consume`.
        verb: &'static str,
        /// The stream.
        intent: &'static str,
        /// The rule, as the attribute writes it.
        rule: String,
        /// The tags of the node.
        tags: &'static [&'static str],
        /// The node, then the stream.
        places: [Source; 2],
    },
}

fn reserved() -> String {
    RESERVED.map(|name| format!("`{name}`")).join(", ")
}

fn claimed(tags: &[&str]) -> String {
    match tags {
        [] => "it claims no tags; add them with `tags = [..]`".to_owned(),
        tags => format!(
            "its tags are {}",
            tags.iter().map(|tag| format!("{tag:?}")).collect::<Vec<_>>().join(", ")
        ),
    }
}

impl Problem {
    /// Where the declarations are that this is about.
    pub fn places(&self) -> &[Source] {
        match self {
            Self::TwoSchemas { places, .. }
            | Self::TwoSettings { places, .. }
            | Self::TwoIntents { places, .. }
            | Self::TwoIds { places, .. }
            | Self::TwoNodes { places, .. }
            | Self::Unmet { places, .. } => places,
            Self::NodeName { place, .. }
            | Self::IntentText { place, .. }
            | Self::TagText { place, .. }
            | Self::NetworkText { place, .. } => std::slice::from_ref(place),
        }
    }
}

/// Why a program does not start: every reason at once, in the order of its declarations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The reasons; at least one.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the program cannot start:")?,
            n => write!(f, "the program cannot start, for {n} reasons:")?,
        }
        for problem in &self.0 {
            write!(f, "\n  * {problem}")?;
            for place in problem.places() {
                write!(f, "\n      at {place}")?;
            }
        }
        Ok(())
    }
}

/// Checks the declarations that these nodes name.
pub fn check(nodes: &[&'static NodeDescriptor]) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let mut streams: Vec<Declared> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        check_node(node, &nodes[..index], &mut problems);
        for role in node.flat_roles() {
            let (Role::Produces(stream) | Role::Consumes(stream)) = role else { continue };
            check_role(node, role, stream, &mut problems);
            let declared = Declared { stream, shape: (stream.schema)(&mut Seen::default()) };
            if !streams.iter().any(|known| known.is_the_same_as(&declared)) {
                check_stream(&declared, &streams, &mut problems);
                streams.push(declared);
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

/// Checks one node alone.
pub fn node(node: &'static NodeDescriptor) -> Result<(), Problems> {
    check(&[node])
}

fn is_node_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        && !RESERVED.contains(&text)
}

fn check_node(node: &NodeDescriptor, before: &[&'static NodeDescriptor], problems: &mut Vec<Problem>) {
    if let Some(first) = before.iter().find(|other| other.name == node.name) {
        problems.push(Problem::TwoNodes { name: node.name, places: [first.source, node.source] });
    }
    if !is_node_name(node.name) {
        problems.push(Problem::NodeName { name: node.name, place: node.source });
    }
    if !intent::is_valid(node.network) {
        problems.push(Problem::NetworkText { node: node.name, network: node.network, place: node.source });
    }
    for tag in node.tags.iter().filter(|tag| Tag::new(tag).is_err()) {
        problems.push(Problem::TagText { node: node.name, tag, place: node.source });
    }
}

fn check_role(node: &NodeDescriptor, role: Role, stream: &StreamDescriptor, problems: &mut Vec<Problem>) {
    let (verb, rule) = match role {
        Role::Produces(_) => ("produce", &stream.producers),
        _ => ("consume", &stream.consumers),
    };
    if judge(rule, node.tags) == Decision::No {
        problems.push(Problem::Unmet {
            node: node.name,
            verb,
            intent: stream.intent.text,
            rule: rule.to_string(),
            tags: node.tags,
            places: [node.source, stream.source],
        });
    }
}

/// Decides about a node of which only the declared tags are known.
fn judge(rule: &Rule, tags: &[&str]) -> Decision {
    match rule {
        Rule::Anyone => Decision::Yes,
        Rule::Tag(tag) => tags.contains(tag).into(),
        Rule::RttBelow(_) | Rule::Peer(..) => Decision::Unknown,
        Rule::Both(a, b) => match (judge(a, tags), judge(b, tags)) {
            (Decision::No, _) | (_, Decision::No) => Decision::No,
            (Decision::Yes, Decision::Yes) => Decision::Yes,
            _ => Decision::Unknown,
        },
        Rule::Either(a, b) => match (judge(a, tags), judge(b, tags)) {
            (Decision::Yes, _) | (_, Decision::Yes) => Decision::Yes,
            (Decision::No, Decision::No) => Decision::No,
            _ => Decision::Unknown,
        },
        Rule::Not(inner) => match judge(inner, tags) {
            Decision::Yes => Decision::No,
            Decision::No => Decision::Yes,
            Decision::Unknown => Decision::Unknown,
        },
    }
}

struct Declared {
    stream: &'static StreamDescriptor,
    shape: Shape,
}

impl Declared {
    /// Whether both are one declaration, met twice; the same place alone would not tell what a macro declared.
    fn is_the_same_as(&self, other: &Self) -> bool {
        self.stream.source == other.stream.source
            && self.stream.intent == other.stream.intent
            && self.shape.fingerprint() == other.shape.fingerprint()
            && first_difference(self.stream, other.stream).is_none()
    }
}

fn check_stream(new: &Declared, known: &[Declared], problems: &mut Vec<Problem>) {
    let text = new.stream.intent.text;
    if !intent::is_valid(text) {
        problems.push(Problem::IntentText { text, place: new.stream.source });
    }
    for old in known {
        let (first, second) = (old.stream, new.stream);
        let places = [first.source, second.source];
        match (first.intent.text == text, first.intent.id == second.intent.id) {
            (false, false) => {}
            (false, true) => {
                problems.push(Problem::TwoIntents { first: first.intent.text, second: text, places });
            }
            (true, false) => problems.push(Problem::TwoIds { intent: text, places }),
            (true, true) => check_pair(old, new, places, problems),
        }
    }
}

fn check_pair(old: &Declared, new: &Declared, places: [Source; 2], problems: &mut Vec<Problem>) {
    let intent = new.stream.intent.text;
    if let Some(difference) = difference(&old.shape, &new.shape) {
        problems.push(Problem::TwoSchemas { intent, difference, places });
    } else if let Some((what, first, second)) = first_difference(old.stream, new.stream) {
        problems.push(Problem::TwoSettings { intent, what, first, second, places });
    }
}

/// The first setting in which two declarations of one intent differ.
fn first_difference(a: &StreamDescriptor, b: &StreamDescriptor) -> Option<(&'static str, String, String)> {
    let settings = |stream: &StreamDescriptor| {
        let options = stream.options;
        let number = |n: Option<usize>| n.map_or("the default".to_owned(), |n| n.to_string());
        let overflow = options.overflow.unwrap_or_default().as_str().to_owned();
        let online = options.online_when.map_or("the default".to_owned(), |when| match when.tag {
            Some(tag) => format!("subscribed({}, tag({tag:?}))", when.subscribers),
            None => format!("subscribed({})", when.subscribers),
        });
        [
            ("buffer", number(options.buffer)),
            ("replay", number(options.replay)),
            ("overflow", overflow),
            ("max_consumers", number(options.max_consumers)),
            ("online_when", online),
            ("require(producers)", stream.producers.to_string()),
            ("require(consumers)", stream.consumers.to_string()),
        ]
    };
    let pairs = settings(a).into_iter().zip(settings(b));
    pairs.into_iter().find(|(a, b)| a.1 != b.1).map(|(a, b)| (a.0, a.1, b.1))
}

#[cfg(test)]
mod tests;
