//! What can be wrong with a command line.

use mosaik_runtime::primitives::{Reach, intent::NotAnIntent};

/// The command line, or a `MOSAIK_*` variable in its place, cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    /// Help, or what clap found.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// There is no such node.
    #[error("this program has no node `{name}`{}; its nodes are {}", suggestion(nearest.as_deref()), list(known))]
    UnknownNode {
        /// As written.
        name: String,
        /// The node that was probably meant.
        nearest: Option<String>,
        /// All nodes.
        known: Vec<String>,
    },
    /// No node that runs has such a group, and one has one of nearly the same name.
    #[error("`--{option} {name}`: no node here has a group of this name; did you mean `{nearest}`?")]
    UnknownGroup {
        /// The option.
        option: &'static str,
        /// As written.
        name: String,
        /// The group that was probably meant.
        nearest: String,
    },
    /// No node that runs proves this.
    #[error(
        "`--ticket {name}=..`: no node here proves `{name}`{}; {}",
        suggestion(nearest.as_deref()),
        if known.is_empty() { "they prove nothing".to_owned() } else { format!("they prove {}", list(known)) }
    )]
    UnknownProof {
        /// As written.
        name: String,
        /// The proof that was probably meant.
        nearest: Option<String>,
        /// What the nodes prove.
        known: Vec<String>,
    },
    /// The program has no nodes.
    #[error("this program has no nodes")]
    NoNodes,
    /// The number after `=` is none.
    #[error("`{0}`: after `=` comes how many of the node to run, from 1 to {most}", most = super::plan::MOST)]
    Count(String),
    /// More nodes than a process should have.
    #[error("{0} nodes are too many for one process: at most {most}", most = super::plan::MOST)]
    TooMany(usize),
    /// A node is named twice.
    #[error("`{0}` is named twice: for two of it write `{0}=2`")]
    NamedTwice(String),
    /// Several nodes cannot listen at one port.
    #[error(
        "`--bind {address}` fixes a port, and {nodes} nodes would share it: name one node, or use port 0"
    )]
    SharedPort {
        /// As written.
        address: std::net::SocketAddr,
        /// How many nodes would run.
        nodes: usize,
    },
    /// An address is further away than the node looks.
    #[error("`{option} {value}` is outside of reach `{reach}`: add `--reach {needed}`")]
    OutOfReach {
        /// The option.
        option: &'static str,
        /// As written.
        value: String,
        /// The reach of the node.
        reach: Reach,
        /// The reach that the address needs.
        needed: Reach,
    },
    /// A list of servers says that there should be none as well.
    #[error("`--{0} none` beside other servers: write either")]
    NoneAndSome(&'static str),
    /// The name of the network cannot be one.
    #[error("`--network`: {0}")]
    Network(#[from] NotAnIntent),
    /// The log filter cannot be read.
    #[error("`--log`: {0}: write a level such as `debug`, or levels of targets such as `warn,mosaik=debug`")]
    Log(String),
    /// An option of the program's own has a name that is taken.
    #[error(
        "the program's `{type_name}` declares `{option}`, which every node has already: rename the field or set `#[arg(long = \"..\")]`"
    )]
    Clash {
        /// The type in `Args<T>`.
        type_name: &'static str,
        /// The option.
        option: String,
    },
    /// A positional argument of the program's own; names of nodes stand there.
    #[error(
        "the program's `{type_name}` takes `{argument}` without a name, where names of nodes stand: add `#[arg(long)]`"
    )]
    Positional {
        /// The type in `Args<T>`.
        type_name: &'static str,
        /// The argument.
        argument: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
