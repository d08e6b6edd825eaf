//! Start-up checks: everything that is wrong with a program's declarations, listed at once with file and line.
//!
//! The compiler sees one declaration at a time; here all that a program's nodes name stand beside each other. What is
//! only known on the network (who else is there, which tags are added at run time) is not judged here.

mod problem;

use super::{
    descriptor::{Intent, NodeDescriptor, Role, Source, StreamDescriptor},
    group::{GroupDescriptor, GroupOptions, MOST_VOTERS},
};
use crate::primitives::{
    Decision, Tag, intent,
    policy::{ProofRef, Rule},
    schema::{Seen, Shape, difference},
};

pub use problem::{Problem, Problems};

/// Node names that the command line needs for itself.
pub const RESERVED: [&str; 3] = ["topology", "keygen", "help"];

/// Checks the declarations that these nodes name.
pub fn check(nodes: &[&'static NodeDescriptor]) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let (mut streams, mut groups) = (Vec::new(), Vec::new());
    for (index, node) in nodes.iter().enumerate() {
        check_node(node, &nodes[..index], &mut problems);
        for role in node.flat_roles() {
            check_role(node, role, &mut problems);
            match role {
                Role::Produces(stream) | Role::Consumes(stream) => {
                    check_declared(Declared::stream(stream), &mut streams, &mut problems);
                }
                Role::Member(group) | Role::Learns(group) => {
                    if check_declared(Declared::group(group), &mut groups, &mut problems) {
                        check_voters(group, &mut problems);
                    }
                }
                Role::Writes(collection) | Role::Reads(collection) => {
                    if check_declared(Declared::group(collection.group), &mut groups, &mut problems) {
                        check_voters(collection.group, &mut problems);
                    }
                }
                Role::All(_) | Role::Extra(_) | Role::None => {}
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

fn check_role(node: &NodeDescriptor, role: Role, problems: &mut Vec<Problem>) {
    let (verb, rule, intent, source) = match role {
        Role::Produces(stream) => ("produce", &stream.producers, stream.intent, stream.source),
        Role::Consumes(stream) => ("consume", &stream.consumers, stream.intent, stream.source),
        Role::Member(group) => ("join", &group.members, group.intent, group.source),
        Role::Writes(collection) => {
            ("write", &collection.group.members, collection.intent, collection.source)
        }
        Role::Reads(collection) => ("read", &collection.readers, collection.intent, collection.source),
        // Members say at run time who may learn.
        Role::Learns(_) | Role::All(_) | Role::Extra(_) | Role::None => return,
    };
    if judge(rule, node.tags, node.proves) == Decision::No {
        problems.push(Problem::Unmet {
            node: node.name,
            verb,
            intent: intent.text,
            rule: rule.to_string(),
            tags: node.tags,
            proves: node.proves.iter().map(|proof| proof.name).collect(),
            places: [node.source, source],
        });
    }
}

/// The attribute refuses such numbers; a descriptor written by hand may have them.
fn check_voters(group: &GroupDescriptor, problems: &mut Vec<Problem>) {
    let allowed = 1..=usize::from(MOST_VOTERS);
    let committee = group.options.committee.map(usize::from);
    let counts = [Some(group.voters.count()), committee];
    if let Some(count) = counts.into_iter().flatten().find(|count| !allowed.contains(count)) {
        problems.push(Problem::Voters { intent: group.intent.text, count, place: group.source });
    }
}

/// Decides about a node of which only the declared tags and proofs are known.
fn judge(rule: &Rule, tags: &[&str], proves: &[ProofRef]) -> Decision {
    let judge = |rule: &Rule| judge(rule, tags, proves);
    match rule {
        Rule::Anyone => Decision::Yes,
        Rule::Tag(tag) => tags.contains(tag).into(),
        Rule::Proof(proof) if proves.iter().any(|other| other.path == proof.path) => Decision::Yes,
        Rule::Proof(_) => Decision::No,
        Rule::RttBelow(_) | Rule::Peer(..) => Decision::Unknown,
        Rule::Both(a, b) => match (judge(a), judge(b)) {
            (Decision::No, _) | (_, Decision::No) => Decision::No,
            (Decision::Yes, Decision::Yes) => Decision::Yes,
            _ => Decision::Unknown,
        },
        Rule::Either(a, b) => match (judge(a), judge(b)) {
            (Decision::Yes, _) | (_, Decision::Yes) => Decision::Yes,
            (Decision::No, Decision::No) => Decision::No,
            _ => Decision::Unknown,
        },
        Rule::Not(inner) => match judge(inner) {
            Decision::Yes => Decision::No,
            Decision::No => Decision::Yes,
            Decision::Unknown => Decision::Unknown,
        },
    }
}

/// A stream or a group, as far as two declarations of one can contradict each other.
struct Declared {
    intent: Intent,
    source: Source,
    shape: Shape,
    settings: Vec<(&'static str, String)>,
}

impl Declared {
    fn stream(stream: &StreamDescriptor) -> Self {
        Self {
            intent: stream.intent,
            source: stream.source,
            shape: (stream.schema)(&mut Seen::default()),
            settings: stream_settings(stream),
        }
    }

    fn group(group: &GroupDescriptor) -> Self {
        Self {
            intent: group.intent,
            source: group.source,
            shape: (group.schema)(&mut Seen::default()),
            settings: group_settings(group),
        }
    }

    /// Whether both are one declaration, met twice; the same place alone would not tell what a macro declared.
    fn is_the_same_as(&self, other: &Self) -> bool {
        self.source == other.source
            && self.intent == other.intent
            && self.shape.fingerprint() == other.shape.fingerprint()
            && self.settings == other.settings
    }
}

/// Checks a declaration against those before it and adds it to them; whether it was new.
fn check_declared(new: Declared, known: &mut Vec<Declared>, problems: &mut Vec<Problem>) -> bool {
    if known.iter().any(|old| old.is_the_same_as(&new)) {
        return false;
    }
    let text = new.intent.text;
    if !intent::is_valid(text) {
        problems.push(Problem::IntentText { text, place: new.source });
    }
    for old in known.iter() {
        let (first, places) = (old.intent, [old.source, new.source]);
        match (first.text == text, first.id == new.intent.id) {
            (false, false) => {}
            (false, true) => {
                problems.push(Problem::TwoIntents { first: first.text, second: text, places });
            }
            (true, false) => problems.push(Problem::TwoIds { intent: text, places }),
            (true, true) => check_pair(old, &new, places, problems),
        }
    }
    known.push(new);
    true
}

fn check_pair(old: &Declared, new: &Declared, places: [Source; 2], problems: &mut Vec<Problem>) {
    let intent = new.intent.text;
    let mut settings = old.settings.iter().zip(&new.settings);
    if let Some(difference) = difference(&old.shape, &new.shape) {
        problems.push(Problem::TwoSchemas { intent, difference, places });
    } else if let Some(((what, first), (_, second))) = settings.find(|(old, new)| old != new) {
        let (first, second) = (first.clone(), second.clone());
        problems.push(Problem::TwoSettings { intent, what, first, second, places });
    }
}

fn or_default<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "the default".to_owned(), |value| value.to_string())
}

fn stream_settings(stream: &StreamDescriptor) -> Vec<(&'static str, String)> {
    let options = stream.options;
    let online = options.online_when.map(|when| match when.tag {
        Some(tag) => format!("subscribed({}, tag({tag:?}))", when.subscribers),
        None => format!("subscribed({})", when.subscribers),
    });
    vec![
        ("buffer", or_default(options.buffer)),
        ("replay", or_default(options.replay)),
        ("overflow", options.overflow.unwrap_or_default().as_str().to_owned()),
        ("max_consumers", or_default(options.max_consumers)),
        ("online_when", or_default(online)),
        ("require(producers)", stream.producers.to_string()),
        ("require(consumers)", stream.consumers.to_string()),
    ]
}

fn group_settings(group: &GroupDescriptor) -> Vec<(&'static str, String)> {
    let GroupOptions { storage, key, deadline, strict, evict_after, round_trip, committee, founder } =
        group.options;
    vec![
        ("voters", group.voters.to_string()),
        ("storage", storage.as_str().to_owned()),
        ("key", key.map_or_else(|| "none".to_owned(), |key| key.to_string())),
        ("deadline", or_default(deadline.map(|time| format!("{time:?}")))),
        ("strict", strict.to_string()),
        ("evict_after", or_default(evict_after.map(|time| format!("{time:?}")))),
        ("round_trip", or_default(round_trip.map(|time| format!("{time:?}")))),
        ("committee", or_default(committee)),
        ("founder", or_default(founder)),
        ("require(members)", group.members.to_string()),
    ]
}

#[cfg(test)]
mod tests;
