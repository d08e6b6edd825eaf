//! What can be written on the command line, for clap and for `--help`.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{
    Arg, ArgAction, Command,
    builder::{PossibleValuesParser, ValueParser},
    value_parser,
};
use mosaik_runtime::{
    primitives::Reach,
    topology::Format,
    transport::{DhtNode, PeerAddr, RelayUrl},
};

use super::{Environment, Program, duration, error::UsageError};

/// The names under which clap keeps the values.
pub(super) mod id {
    pub(in crate::cli) const NODES: &str = "mosaik-nodes";
    pub(in crate::cli) const FOR: &str = "for";
    pub(in crate::cli) const NETWORK: &str = "network";
    pub(in crate::cli) const REACH: &str = "reach";
    pub(in crate::cli) const BIND: &str = "bind";
    pub(in crate::cli) const BOOTSTRAP: &str = "bootstrap";
    pub(in crate::cli) const MDNS: &str = "mdns";
    pub(in crate::cli) const RELAY: &str = "relay";
    pub(in crate::cli) const DHT: &str = "dht";
    pub(in crate::cli) const KEY_FILE: &str = "secret-key-file";
    pub(in crate::cli) const SECRET_FILE: &str = "network-secret-file";
    pub(in crate::cli) const DATA_DIR: &str = "data-dir";
    pub(in crate::cli) const FOUND: &str = "found";
    pub(in crate::cli) const FORCE: &str = "force-new-group";
    pub(in crate::cli) const TICKET: &str = "ticket";
    pub(in crate::cli) const THREADS: &str = "threads";
    pub(in crate::cli) const LOG: &str = "log";
    pub(in crate::cli) const FORMAT: &str = "format";
    pub(in crate::cli) const TOPOLOGY: &str = "topology";
    pub(in crate::cli) const KEYGEN: &str = "keygen";
}

const TEMPLATE: &str = "{usage-heading} {usage}\n\n{about}\n\n{all-args}{after-help}\n";
const AFTER: &str = "Nodes find each other by the network's name alone: on one machine at once, on a local network with --reach \
lan; anywhere with --reach internet and the peer id of one other in --bootstrap. Ctrl-C stops in order, a second one at once.";

/// An option that takes a value, and the variable that may say it instead.
fn option(
    name: &'static str,
    value: &'static str,
    parser: ValueParser,
    help: &str,
    environment: Environment<'_>,
) -> Arg {
    let variable = variable(name);
    let arg = Arg::new(name).long(name).value_name(value).value_parser(parser).hide_default_value(true);
    let arg = arg.help(format!("{help} [env: {variable}]"));
    match environment(&variable) {
        Some(said) => arg.default_value(said),
        None => arg,
    }
}

/// `secret-key-file` → `MOSAIK_SECRET_KEY_FILE`.
pub(super) fn variable(option: &str) -> String {
    format!("MOSAIK_{}", option.to_uppercase().replace('-', "_"))
}

/// The whole command line of a program.
pub(super) fn command(program: &Program<'_>, environment: Environment<'_>) -> Result<Command, UsageError> {
    let nodes = Arg::new(id::NODES).value_name("NODE[=COUNT]").num_args(0..).hide(true);
    let name = &program.name;
    let command = Command::new(program.name.clone())
        .about(nodes_as_text(program))
        .help_template(TEMPLATE)
        .override_usage(format!(
            "{name} [OPTIONS] [NODE[=COUNT]]...\n       {name} topology | keygen [OPTIONS]"
        ))
        .after_help(AFTER)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading("Instead of running nodes")
        .arg(nodes)
        .args(options(environment))
        .subcommand(topology())
        .subcommand(keygen());
    with_hooks(command, program)
}

fn options(environment: Environment<'_>) -> Vec<Arg> {
    let option = |name, value, parser, help| option(name, value, parser, help, environment);
    let path = || value_parser!(PathBuf);
    let found = "Found the group of this name, if one node founds it: say it on one node, once; repeatable";
    let force =
        "The majority of this group is gone for good: make a new one of what this node has; repeatable";
    let threads = "Run on N threads instead of one for each core, where programs share a machine";
    let shown = "Prove PROOF with the ticket in FILE, read again when it changes; repeatable";
    let socket = ValueParser::new(str::parse::<SocketAddr>);
    let mut options = vec![
        option(id::FOR, "TIME", ValueParser::new(duration::parse), "Stop in order after TIME: 10s, 1m30s"),
        option(id::NETWORK, "NAME", ValueParser::string(), "Join this network instead of the declared one"),
        option(id::BIND, "IP:PORT", socket, "Listen here instead of at a free port"),
    ];
    options.extend(reach(environment));
    options.extend([
        option(
            id::KEY_FILE,
            "FILE",
            path(),
            "The node's key, made when missing; of several nodes FILE.<node>",
        ),
        option(
            id::SECRET_FILE,
            "FILE",
            path(),
            "The secret of a closed network; the first is proved, all are accepted",
        )
        .action(ArgAction::Append),
        option(
            id::DATA_DIR,
            "DIR",
            path(),
            "Remember key, peers and groups in DIR; of several nodes DIR/<node>",
        ),
        list(option(id::FOUND, "GROUP", ValueParser::string(), found), id::FOUND, environment),
        list(option(id::FORCE, "GROUP", ValueParser::string(), force), id::FORCE, environment),
        list(option(id::TICKET, "PROOF=FILE", ValueParser::new(ticket), shown), id::TICKET, environment),
        option(id::THREADS, "N", value_parser!(u16).range(1..).into(), threads),
        option(id::LOG, "FILTER", ValueParser::string(), "What to log: debug, or warn,mosaik=debug"),
    ]);
    options
}

/// An option that can be repeated. In a variable a list is separated by white space: a peer's address may hold commas.
fn list(arg: Arg, name: &str, environment: Environment<'_>) -> Arg {
    let said = environment(&variable(name)).map(|said| said.to_string_lossy().into_owned());
    let values: Vec<String> =
        said.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    arg.action(ArgAction::Append).default_values(values)
}

/// How far to look for others, and where.
fn reach(environment: Environment<'_>) -> [Arg; 5] {
    let option = |name, value, parser, help| option(name, value, parser, help, environment);
    let list = |arg, name| list(arg, name, environment);
    let [reach, peer] = [ValueParser::new(str::parse::<Reach>), ValueParser::new(str::parse::<PeerAddr>)];
    let [relay, dht] = [ValueParser::new(or_none::<RelayUrl>), ValueParser::new(or_none::<DhtNode>)];
    let far = "How far to look for others: host (this machine), lan or internet";
    let seed = "Ask PEER for others: <peer id>@<ip>:<port>, at reach internet also <peer id>; repeatable";
    let relays = "The relay of reach internet instead of public ones, or none; repeatable";
    let nodes = "Enter the DHT of reach internet here instead of the public one, or none; repeatable";
    let mdns = "Whether to find others on the local network by mDNS: on (from reach lan on) or off";
    [
        option(id::REACH, "REACH", reach, far),
        list(option(id::BOOTSTRAP, "PEER", peer, seed), id::BOOTSTRAP),
        option(id::MDNS, "ON", PossibleValuesParser::new(["on", "off"]).into(), mdns)
            .hide_possible_values(true),
        list(option(id::RELAY, "URL", relay, relays), id::RELAY),
        list(option(id::DHT, "HOST:PORT", dht, nodes), id::DHT),
    ]
}

/// A server, or `none`: the text of it.
fn or_none<S: FromStr + Into<String>>(text: &str) -> Result<Option<String>, S::Err> {
    if text == "none" { Ok(None) } else { text.parse().map(|server: S| Some(server.into())) }
}

/// `DeskTicket=desk.jwt`
fn ticket(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((proof, file)) if !proof.is_empty() && !file.is_empty() => Ok((proof.to_owned(), file.into())),
        _ => Err("write PROOF=FILE, such as DeskTicket=desk.jwt".to_owned()),
    }
}

fn topology() -> Command {
    let format = Arg::new(id::FORMAT)
        .long(id::FORMAT)
        .value_name("FORMAT")
        .value_parser(ValueParser::new(str::parse::<Format>))
        .default_value("mermaid")
        .help("mermaid, dot, json or svg");
    Command::new(id::TOPOLOGY).about("Prints the data-flow graph of this program and ends").arg(format)
}

fn keygen() -> Command {
    let file = |name, help| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
    };
    Command::new(id::KEYGEN)
        .about("Prints a new network secret, or writes a new secret or key to a file, and ends")
        .arg(file(id::SECRET_FILE, "Write a new network secret to FILE instead of printing it"))
        .arg(file(id::KEY_FILE, "Write a new node key to FILE and print its peer id"))
}

fn nodes_as_text(program: &Program<'_>) -> String {
    let widest = program.nodes.iter().map(|node| node.descriptor.name.chars().count()).max().unwrap_or(0);
    let lines = program.nodes.iter().map(|node| {
        let first = node.descriptor.docs.trim().split("\n\n").next().unwrap_or_default();
        let docs = first.split_whitespace().collect::<Vec<_>>().join(" ");
        let sentence = docs.find(". ").map_or(docs.as_str(), |end| &docs[..=end]);
        format!("  {:widest$}  {sentence}", node.descriptor.name).trim_end().to_owned()
    });
    format!(
        "Nodes of this program, all of which run when none is named:\n{}",
        lines.collect::<Vec<_>>().join("\n")
    )
}

/// Adds the options of the nodes' own `Args<T>`.
fn with_hooks(mut command: Command, program: &Program<'_>) -> Result<Command, UsageError> {
    let hooks = program.hooks();
    for hook in hooks {
        let theirs = (hook.augment)(Command::new("theirs"));
        let type_name = (hook.type_name)();
        for arg in theirs.get_arguments() {
            if arg.is_positional() {
                return Err(UsageError::Positional { type_name, argument: arg.get_id().to_string() });
            }
            if let Some(option) = clash(&command, arg) {
                return Err(UsageError::Clash { type_name, option });
            }
        }
        for arg in theirs.get_arguments() {
            // Of several nodes one may be left out, and then nobody misses its options.
            let required = arg.is_required_set() && program.nodes.len() == 1;
            let heading = arg.get_help_heading().unwrap_or("Options of the program").to_owned();
            command = command.arg(arg.clone().required(required).help_heading(heading));
        }
        for group in theirs.get_groups() {
            command = command.group(group.clone());
        }
    }
    Ok(command)
}

fn clash(command: &Command, arg: &Arg) -> Option<String> {
    let taken = command.get_arguments().any(|ours| {
        ours.get_id() == arg.get_id()
            || (ours.get_long().is_some() && ours.get_long() == arg.get_long())
            || (ours.get_short().is_some() && ours.get_short() == arg.get_short())
    });
    let is_help = arg.get_long() == Some("help") || arg.get_short() == Some('h');
    let name = arg.get_long().map_or_else(|| arg.get_id().to_string(), |long| format!("--{long}"));
    (taken || is_help).then_some(name)
}
