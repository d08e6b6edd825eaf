//! The proofs of a node: who decides about those that its declarations ask for, and the tickets for those that it proves.
//!
//! A node that cannot meet its own declarations does not start, and says which.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use super::{Extensions, Network};
#[cfg(feature = "tdx")]
use crate::{
    admission::Challenged,
    primitives::{NetworkId, PeerId, Wall},
    tickets::tdx::Prover,
};
use crate::{
    admission::{Origin, ProvideError, Provider, TicketsError, Wanted},
    primitives::policy::{ProofRef, is_named},
    tickets::{Proof, ProofDescriptor, ProofError, Ticket},
    topology::{NodeDescriptor, Role},
};

/// Where a node gets the tickets for what it proves. It passes through the [`Extensions`] of a node.
#[derive(Clone, Default)]
pub struct TicketSources {
    files: BTreeMap<String, PathBuf>,
    providers: BTreeMap<String, Provider>,
}

/// A node does not start for want of a proof.
#[derive(Debug, thiserror::Error)]
pub enum ProvingError {
    /// Nobody here can decide about a proof that its declarations ask for.
    #[error(transparent)]
    Unchecked(#[from] ProofError),
    /// Two proofs that nothing tells apart.
    #[error("two declared proofs are called `{0}`: rename one of the types, or move it out of its function")]
    TwoProofs(&'static str),
    /// A name that two of the node's proofs have.
    #[error("a ticket for `{name}` could be for `{first}` and for `{second}`: name the module as well")]
    Ambiguous {
        /// As written.
        name: String,
        /// A proof.
        first: &'static str,
        /// Another one.
        second: &'static str,
    },
    /// It has no ticket, or cannot show it.
    #[error(transparent)]
    Provide(#[from] ProvideError),
    /// Somebody else decides about a proof.
    #[error(transparent)]
    Tickets(#[from] TicketsError),
}

impl TicketSources {
    /// The proof of this name comes from a file, which is read again when it changes. Of two proofs with one name the module tells
    /// which is meant: `desks::Ticket`.
    #[must_use]
    pub fn file(mut self, proof: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.insert(proof.into(), path.into());
        self
    }

    /// The proof of this name is made by a function, unless a file is named for it.
    #[must_use]
    pub fn provider(
        mut self,
        proof: impl Into<String>,
        provide: impl Fn(&Wanted) -> Result<Ticket, String> + Send + Sync + 'static,
    ) -> Self {
        self.providers.insert(proof.into(), Arc::new(provide));
        self
    }

    /// As [`provider`](Self::provider), by the proof's type.
    #[must_use]
    pub fn provide<P: Proof>(
        self,
        provide: impl Fn(&Wanted) -> Result<Ticket, String> + Send + Sync + 'static,
    ) -> Self {
        self.provider(P::DESCRIPTOR.path, provide)
    }

    /// These, and where they say nothing the others.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        for (proof, path) in others.files {
            self.files.entry(proof).or_insert(path);
        }
        for (proof, provider) in others.providers {
            self.providers.entry(proof).or_insert(provider);
        }
        self
    }

    /// The proofs that files are named for.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Where a proof comes from: a file, what the variable names, a function, in this order.
    fn origin(&self, proof: &ProofDescriptor) -> Option<Origin> {
        let of = |name: &&String| is_named(proof.path, name);
        let file = self.files.iter().find(|(name, _)| of(name)).map(|(_, path)| path.clone());
        let said = || std::env::var_os(variable(proof.name)).map(PathBuf::from);
        let provider = || self.providers.iter().find(|(name, _)| of(name)).map(|(_, it)| it.clone());
        file.or_else(said).map(Origin::File).or_else(|| provider().map(Origin::Provider))
    }

    /// That no name is that of two of these proofs.
    fn check(&self, proofs: &[&'static ProofDescriptor]) -> Result<(), ProvingError> {
        for name in self.files.keys().chain(self.providers.keys()) {
            let mut of = proofs.iter().filter(|proof| is_named(proof.path, name));
            if let (Some(first), Some(second)) = (of.next(), of.next()) {
                let (name, first, second) = (name.clone(), first.path, second.path);
                return Err(ProvingError::Ambiguous { name, first, second });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TicketSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys().chain(self.providers.keys())).finish()
    }
}

/// The variable that names the file of a proof's ticket: `DeskTicket` → `MOSAIK_TICKET_DESK_TICKET`.
pub fn variable(proof: &str) -> String {
    let mut name = "MOSAIK_TICKET".to_owned();
    for c in proof.chars() {
        if c.is_uppercase() {
            name.push('_');
        }
        name.extend(c.to_uppercase());
    }
    name
}

/// Lets validators decide about every proof that the roles of a node ask for, and shows the tickets for what it proves.
pub(super) fn prepare(
    descriptor: &NodeDescriptor,
    network: &Network,
    extensions: &Extensions,
) -> Result<(), ProvingError> {
    let tickets = network.tickets();
    let (asked, proven) = (asked_for(descriptor)?, named(descriptor.proves.iter().copied())?);
    for proof in asked.iter().chain(&proven).filter(|proof| proof.is_simulated()) {
        let name = proof.name;
        tracing::warn!(target: "mosaik::node", "`{name}` trusts the SIMULATED platform, whose quotes everybody can make: it proves nothing, and is for development alone");
    }
    for proof in asked {
        tickets.trust_shared(proof.validator()?)?;
    }
    let sources = extensions.get::<TicketSources>().unwrap_or_default();
    sources.check(&proven)?;
    for proof in proven {
        let origin = match sources.origin(proof) {
            Some(origin) => origin,
            None => own(proof, network).map_err(|why| ProvideError::NoTicket { proof: proof.name, why })?,
        };
        tickets.keep(proof, origin)?;
    }
    Ok(())
}

/// The declarations behind these names, each once.
fn named(proofs: impl Iterator<Item = ProofRef>) -> Result<Vec<&'static ProofDescriptor>, ProvingError> {
    let mut found: Vec<&'static ProofDescriptor> = Vec::new();
    for proof in proofs.filter_map(|proof| ProofDescriptor::of(&proof)) {
        match found.iter().find(|other| other.path == proof.path) {
            Some(other) if other.source == proof.source => {}
            Some(_) => return Err(ProvingError::TwoProofs(proof.path)),
            None => found.push(proof),
        }
    }
    Ok(found)
}

/// What the roles of a node ask of others: each side of a stream judges the other, and members of a group judge members.
fn asked_for(descriptor: &NodeDescriptor) -> Result<Vec<&'static ProofDescriptor>, ProvingError> {
    let mut rules = Vec::new();
    for role in descriptor.flat_roles() {
        match role {
            Role::Produces(stream) => rules.push(stream.consumers),
            Role::Consumes(stream) => rules.push(stream.producers),
            Role::Member(group) | Role::Learns(group) => rules.push(group.members),
            Role::Writes(collection) | Role::Reads(collection) => {
                rules.extend([collection.group.members, collection.readers]);
            }
            Role::All(_) | Role::Extra(_) | Role::None => {}
        }
    }
    named(rules.iter().flat_map(crate::primitives::policy::Rule::proofs))
}

/// What a machine can prove by itself.
fn own(proof: &'static ProofDescriptor, network: &Network) -> Result<Origin, String> {
    match proof.kind {
        #[cfg(feature = "tdx")]
        crate::tickets::ProofKind::Tdx(_) => {
            use crate::tickets::tdx::{ProveError, Tsm};
            let (id, peer) = (network.id(), network.local().id());
            let real = (!proof.is_simulated()).then(|| Prover::new(Tsm::default(), id, peer));
            let prover = move |now: Wall| match &real {
                Some(real) => Ok(real.clone()),
                None => simulated(id, peer, now),
            };
            let told = |error: ProveError| error.to_string();
            let answers = prover.clone();
            network.tickets().answer(proof.class(), move |asked: &Challenged| {
                answers(asked.now)?.answer(&asked.nonce).map_err(told)
            });
            Ok(Origin::Provider(Arc::new(move |wanted: &Wanted| {
                prover(wanted.now)?.prove(wanted.now).map_err(told)
            })))
        }
        _ => {
            let _ = network;
            let (name, variable) = (proof.name, variable(proof.name));
            Err(format!("it has no ticket: give it one with `--ticket {name}=FILE`, or in {variable}"))
        }
    }
}

/// What makes quotes of the simulated platform, with collateral that outlives them.
#[cfg(feature = "tdx")]
fn simulated(network: NetworkId, peer: PeerId, now: Wall) -> Result<Prover, String> {
    use crate::tickets::tdx::simulated::{Td, image, prover};
    prover(Td::image(&image()), network, peer, now).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        primitives::policy::Rule,
        tickets::{ProofKind, TdxPlatform, TdxProof},
        topology::{Source, StreamDescriptor, fixtures::SENSOR},
    };

    fn proof(name: &'static str, path: &'static str, line: u32) -> ProofRef {
        let platform = TdxPlatform::Intel;
        let kind = ProofKind::Tdx(TdxProof {
            platform,
            measurements: "m",
            collateral: None,
            max_age: None,
            challenge: None,
            mrtd: None,
        });
        let source = Source { file: "proofs.rs", line };
        let declared: &'static ProofDescriptor =
            Box::leak(Box::new(ProofDescriptor { name, path, kind, docs: "", source }));
        ProofRef { name, path, note: "", declared }
    }

    #[test]
    fn a_node_checks_what_it_asks_of_others_and_each_proof_once() {
        let [desk, image] = [proof("Desk", "a::Desk", 1), proof("Image", "a::Image", 2)];
        let [other, same] = [proof("Desk", "b::Desk", 3), proof("Desk", "a::Desk", 4)];
        let Some(Role::Produces(load)) = SENSOR.flat_roles().first().copied() else { panic!("a producer") };
        let orders: &'static StreamDescriptor = Box::leak(Box::new(StreamDescriptor {
            producers: Rule::Proof(desk),
            consumers: Rule::Proof(image),
            ..*load
        }));
        let asked = |roles: Vec<Role>| {
            let node = NodeDescriptor { roles: Box::leak(roles.into_boxed_slice()), ..SENSOR };
            asked_for(&node).map(|all| all.into_iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(
            asked(vec![Role::Produces(orders)]).expect("one"),
            ["Image"],
            "who produces judges consumers"
        );
        assert_eq!(asked(vec![Role::Consumes(orders), Role::Consumes(orders)]).expect("one"), ["Desk"]);
        let beside = |twin| {
            let twin = StreamDescriptor { producers: Rule::Proof(twin), ..*orders };
            asked(vec![Role::Consumes(orders), Role::Consumes(Box::leak(Box::new(twin)))])
        };
        assert_eq!(beside(other).expect("two proofs of one name"), ["Desk", "Desk"]);
        assert!(beside(same).expect_err("two of one path").to_string().contains("`a::Desk`"));
    }

    #[test]
    fn a_ticket_for_a_name_that_two_proofs_have_names_the_module() {
        let both = [proof("Desk", "x::a::Desk", 1), proof("Desk", "x::b::Desk", 2)];
        let both = named(both.into_iter()).expect("two proofs");
        let ambiguous = TicketSources::default().file("Desk", "desk.jwt").check(&both);
        let told = ambiguous.expect_err("which one").to_string();
        assert!(told.contains("`x::a::Desk`") && told.contains("`x::b::Desk`"), "{told}");
        let sources = TicketSources::default().file("a::Desk", "a.jwt").provider("Desk", |_| Err("b".into()));
        assert!(sources.check(&both[..1]).is_ok());
        let of = |proof| format!("{:?}", sources.origin(proof));
        assert_eq!(of(both[0]), "Some(a.jwt)", "a file comes before a function");
        assert_eq!(of(both[1]), "Some(a function)");
        let more = TicketSources::default().file("a::Desk", "other.jwt").file("c", "c.jwt");
        let all = sources.or(more);
        assert_eq!(all.files().collect::<Vec<_>>(), ["a::Desk", "c"]);
        assert_eq!(format!("{:?}", all.origin(both[0])), "Some(a.jwt)", "the first counts");
    }

    #[test]
    fn the_variable_of_a_proof() {
        assert_eq!(variable("DeskTicket"), "MOSAIK_TICKET_DESK_TICKET");
        assert_eq!(variable("Badge2"), "MOSAIK_TICKET_BADGE2");
    }
}
