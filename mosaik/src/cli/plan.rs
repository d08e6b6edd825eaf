//! From what was written to what to do. Pure: no file, no socket, no variable is touched here.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::ArgMatches;
use mosaik_runtime::{
    node::TicketSources,
    primitives::{Reach, intent},
    topology::{Format, Role},
    transport::{Address, PeerAddr, Place, Servers, Sources},
};

use super::{
    Environment, Listed, Program,
    command::{command, id},
    error::UsageError,
    keygen::Keygen,
};

/// The most nodes in one process.
pub(super) const MOST: usize = 256;

/// What the user asked for.
#[derive(Debug)]
pub(super) enum Action {
    /// Run nodes.
    Run(Box<Plan>),
    /// Print the graph.
    Topology(Format),
    /// Make a secret or a key.
    Keygen(Keygen),
}

/// Which nodes to run, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Planned>,
    pub(super) bind: Option<SocketAddr>,
    pub(super) bootstrap: Vec<PeerAddr>,
    pub(super) sources: Sources,
    pub(super) secret_files: Vec<PathBuf>,
    /// Where the tickets of what nodes prove come from.
    pub(super) tickets: TicketSources,
    pub(super) stop_after: Option<Duration>,
    /// Not one for each core.
    pub(super) threads: Option<u16>,
    pub(super) log: Option<String>,
    /// For the nodes' own `Args<T>`.
    pub(super) matches: ArgMatches,
}

/// One node to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Its place in the program.
    pub(super) index: usize,
    /// Its name, with a number when several of it run.
    pub(super) label: String,
    pub(super) network: String,
    pub(super) reach: Reach,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    /// The groups that it may found.
    pub(super) found: Vec<String>,
    /// The groups that it makes anew out of what it has.
    pub(super) forced: Vec<String>,
}

/// Reads a command line without the program's name.
pub(super) fn read(
    program: &Program<'_>,
    arguments: Vec<OsString>,
    environment: Environment<'_>,
) -> Result<Action, UsageError> {
    let line = std::iter::once(OsString::from(&program.name)).chain(arguments);
    let mut matches = command(program, environment)?.try_get_matches_from(line)?;
    match matches.remove_subcommand() {
        Some((name, mut sub)) if name == id::TOPOLOGY => {
            Ok(Action::Topology(sub.remove_one(id::FORMAT).unwrap_or_default()))
        }
        Some((_, mut sub)) => Ok(Action::Keygen(Keygen {
            secret_file: sub.remove_one(id::SECRET_FILE),
            key_file: sub.remove_one(id::KEY_FILE),
        })),
        None => Ok(Action::Run(Box::new(plan(program, matches)?))),
    }
}

fn plan(program: &Program<'_>, mut matches: ArgMatches) -> Result<Plan, UsageError> {
    let named: Vec<String> = matches.remove_many(id::NODES).map(Iterator::collect).unwrap_or_default();
    let network: Option<String> = matches.remove_one(id::NETWORK);
    network.as_deref().map_or(Ok(()), intent::check)?;
    let mut nodes = Vec::new();
    for (index, count) in chosen(&program.nodes, &named)? {
        let descriptor = program.nodes[index].descriptor;
        for number in 1..=count {
            let label = match count {
                1 => descriptor.name.to_owned(),
                _ => format!("{}-{number}", descriptor.name),
            };
            let network = network.clone().unwrap_or_else(|| descriptor.network.to_owned());
            let reach = matches.get_one(id::REACH).copied().unwrap_or(descriptor.reach);
            let (data_dir, key_file) = (None, None);
            let (found, forced) = (Vec::new(), Vec::new());
            nodes.push(Planned { index, label, network, reach, data_dir, key_file, found, forced });
        }
    }
    if nodes.len() > MOST {
        return Err(UsageError::TooMany(nodes.len()));
    }
    for group in matches.remove_many::<String>(id::FOUND).into_iter().flatten() {
        place(program, &mut nodes, id::FOUND, &group)?.found.push(group);
    }
    for group in matches.remove_many::<String>(id::FORCE).into_iter().flatten() {
        place(program, &mut nodes, id::FORCE, &group)?.forced.push(group);
    }
    place_files(&mut nodes, matches.remove_one(id::DATA_DIR), matches.remove_one(id::KEY_FILE));
    let tickets = matches
        .remove_many::<(String, PathBuf)>(id::TICKET)
        .into_iter()
        .flatten()
        .fold(TicketSources::default(), |all, (proof, file)| all.file(proof, file));
    known_proofs(program, &nodes, &tickets)?;
    let plan = Plan {
        nodes,
        bind: matches.remove_one(id::BIND),
        bootstrap: matches.remove_many(id::BOOTSTRAP).map(Iterator::collect).unwrap_or_default(),
        sources: Sources {
            mdns: matches.remove_one::<String>(id::MDNS).is_none_or(|said| said == "on"),
            relays: servers(&mut matches, id::RELAY)?,
            dht: servers(&mut matches, id::DHT)?,
        },
        secret_files: matches.remove_many(id::SECRET_FILE).map(Iterator::collect).unwrap_or_default(),
        tickets,
        stop_after: matches.remove_one(id::FOR),
        threads: matches.remove_one(id::THREADS),
        log: matches.remove_one(id::LOG),
        matches,
    };
    plan.check()?;
    Ok(plan)
}

/// That each ticket is for a proof of one of the nodes that run.
fn known_proofs(program: &Program<'_>, nodes: &[Planned], tickets: &TicketSources) -> Result<(), UsageError> {
    let proves = nodes.iter().flat_map(|node| program.nodes[node.index].descriptor.proves);
    let mut known: Vec<(&str, &str)> = proves.map(|proof| (proof.name, proof.path)).collect();
    known.sort_unstable();
    known.dedup();
    let is_known =
        |name: &str| known.iter().any(|(_, path)| *path == name || path.ends_with(&format!("::{name}")));
    match tickets.files().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => {
            let known: Vec<String> = known.iter().map(|(name, _)| (*name).to_owned()).collect();
            let nearest = nearest(name, &known);
            Err(UsageError::UnknownProof { name: name.to_owned(), nearest, known })
        }
    }
}

/// The servers that were named, or that there should be none.
fn servers(matches: &mut ArgMatches, option: &'static str) -> Result<Servers, UsageError> {
    let said: Vec<Option<String>> = matches.remove_many(option).map(Iterator::collect).unwrap_or_default();
    let all = said.len();
    let named: Vec<String> = said.into_iter().flatten().collect();
    match (all, named.len()) {
        (0, _) => Ok(Servers::Public),
        (_, 0) => Ok(Servers::Off),
        (all, some) if all == some => Ok(Servers::Own(named)),
        _ => Err(UsageError::NoneAndSome(option)),
    }
}

/// Which nodes of the program run, and how many of each: those named, else all.
fn chosen(nodes: &[Listed], named: &[String]) -> Result<Vec<(usize, usize)>, UsageError> {
    if named.is_empty() {
        return Ok(nodes.iter().map(|node| node.count).enumerate().collect());
    }
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for text in named {
        let (name, count) = match text.split_once('=') {
            Some((name, count)) => (name, Some(count)),
            None => (text.as_str(), None),
        };
        let Some(index) = nodes.iter().position(|node| node.descriptor.name == name) else {
            return Err(unknown(nodes, name));
        };
        let count = match count {
            None => 1,
            Some(count) => match count.parse() {
                Ok(count @ 1..=MOST) => count,
                _ => return Err(UsageError::Count(text.clone())),
            },
        };
        if chosen.iter().any(|(known, _)| *known == index) {
            return Err(UsageError::NamedTwice(name.to_owned()));
        }
        chosen.push((index, count));
    }
    Ok(chosen)
}

fn unknown(nodes: &[Listed], name: &str) -> UsageError {
    let known: Vec<String> = nodes.iter().map(|node| node.descriptor.name.to_owned()).collect();
    UsageError::UnknownNode { name: name.to_owned(), nearest: nearest(name, &known), known }
}

/// The name that was probably meant.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    let near = known.iter().map(|other| (distance(name, other), other)).min();
    let near = near.filter(|(steps, other)| *steps <= 2.max(other.chars().count() / 3));
    near.map(|(_, other)| other.clone())
}

/// The node that an option about a group is for. Of several nodes that have the group it is the first: one founds it, or it would
/// be founded twice. A group that no node declares may be one that the program makes while it runs: then it is the first node of
/// all, unless the name looks like a slip.
fn place<'a>(
    program: &Program<'_>,
    nodes: &'a mut [Planned],
    option: &'static str,
    group: &str,
) -> Result<&'a mut Planned, UsageError> {
    let groups = |node: &Planned| {
        let roles = program.nodes[node.index].descriptor.flat_roles();
        roles.iter().filter_map(Role::group).map(|group| group.intent.text.to_owned()).collect::<Vec<_>>()
    };
    let known: Vec<Vec<String>> = nodes.iter().map(groups).collect();
    let place = known.iter().position(|groups| groups.iter().any(|known| known == group));
    let slip = || nearest(group, &known.concat());
    if let Some(nearest) = place.is_none().then(slip).flatten() {
        return Err(UsageError::UnknownGroup { option, name: group.to_owned(), nearest });
    }
    nodes.get_mut(place.unwrap_or_default()).ok_or(UsageError::NoNodes)
}

/// How many letters to insert, remove or replace to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().take(64).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = before + usize::from(a != *b);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[to.len()]
}

/// Of several nodes each has a directory and a key file of its own.
fn place_files(nodes: &mut [Planned], data_dir: Option<PathBuf>, key_file: Option<PathBuf>) {
    let alone = nodes.len() == 1;
    for node in nodes {
        node.data_dir = data_dir.as_ref().map(|dir| if alone { dir.clone() } else { dir.join(&node.label) });
        node.key_file = key_file.as_ref().map(|file| {
            let mut name = file.clone().into_os_string();
            if !alone {
                name.push(format!(".{}", node.label));
            }
            name.into()
        });
    }
}

impl Plan {
    fn check(&self) -> Result<(), UsageError> {
        let nodes = self.nodes.len();
        match self.bind {
            Some(address) if address.port() != 0 && nodes > 1 => {
                return Err(UsageError::SharedPort { address, nodes });
            }
            _ => {}
        }
        for node in &self.nodes {
            if let Some(address) = self.bind {
                within(node.reach, "--bind", address.to_string(), &[Address::ip(address)])?;
            }
            for peer in &self.bootstrap {
                within(node.reach, "--bootstrap", peer.to_string(), &peer.addresses)?;
            }
        }
        Ok(())
    }
}

/// At least one of the addresses must be within reach. A peer without one has to be looked up.
fn within(
    reach: Reach,
    option: &'static str,
    value: String,
    addresses: &[Address],
) -> Result<(), UsageError> {
    // Beyond the machine itself, the local network's reach is enough to dial any IP address that is given by hand.
    let needs = |address: &Address| match address.place {
        Place::Ip(_) => address.needs().min(Reach::Lan),
        _ => address.needs(),
    };
    let needed = addresses.iter().map(needs).min().unwrap_or(Reach::Internet);
    if needed > reach { Err(UsageError::OutOfReach { option, value, reach, needed }) } else { Ok(()) }
}
