//! What can be wrong with a program's declarations, in sentences.

use std::fmt;

use super::RESERVED;
use crate::{
    primitives::intent,
    topology::{descriptor::Source, group::MOST_VOTERS},
};

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
    #[error("node `{node}` cannot {verb} `{intent}`, which requires {rule}: {}", lacking(rule, tags, proves))]
    Unmet {
        /// The node.
        node: &'static str,
        /// `produce`, `consume` or `join`.
        verb: &'static str,
        /// The stream or group.
        intent: &'static str,
        /// The rule, as the attribute writes it.
        rule: String,
        /// The tags of the node.
        tags: &'static [&'static str],
        /// What the node proves.
        proves: Vec<&'static str>,
        /// The node, then the stream or group.
        places: [Source; 2],
    },
    /// A group with no voters, or with too many.
    #[error("`{intent}` has {count} voters: a group has 1 to {MOST_VOTERS}, and 3 or 5 are usual")]
    Voters {
        /// The group.
        intent: &'static str,
        /// How many.
        count: usize,
        /// The declaration.
        place: Source,
    },
}

fn reserved() -> String {
    RESERVED.map(|name| format!("`{name}`")).join(", ")
}

/// What a node says of itself that is not enough.
fn lacking(rule: &str, tags: &[&str], proves: &[&str]) -> String {
    let proven = if proves.is_empty() { "nothing".to_owned() } else { proves.join(", ") };
    if !rule.contains("tag(") {
        return format!("it proves {proven}; add what is missing with `proves = ..`");
    }
    let claimed = claimed(tags);
    if proves.is_empty() { claimed } else { format!("{claimed}, and proves {proven}") }
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
            | Self::NetworkText { place, .. }
            | Self::Voters { place, .. } => std::slice::from_ref(place),
        }
    }
}

/// Why a program does not start: every reason at once, in the order of its declarations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub(super) Vec<Problem>);

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
