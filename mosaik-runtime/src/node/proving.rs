//! The proofs of a node: who decides about those that its declarations ask for, and the tickets for those that it proves.
//!
//! A node that cannot meet its own declarations does not start, and says which.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{Extensions, Network};
use crate::{
    admission::{Tickets, TicketsError},
    primitives::{PeerId, Wall, policy::ProofRef},
    tickets::{Class, MAX_TICKET, ProofDescriptor, ProofError, Shown, Ticket, TicketId, Trusted, Valid},
    topology::{NodeDescriptor, Role},
};

/// How often a file or a provider is looked at again.
const LOOK: Duration = Duration::from_secs(1);
/// How long before the end of a ticket a provider is asked for the next one, as a part of what is left at first.
const EARLY: u32 = 4;
/// A ticket that nobody here can read is asked for again so often.
const BLIND: Duration = Duration::from_secs(600);

/// For whom a ticket is made, where and when.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The network's name.
    pub network: String,
    /// The node's id.
    pub peer: PeerId,
    /// The wall-clock time.
    pub now: Wall,
}

/// Makes tickets: when the node starts, and again before one ends.
pub type Provider = Arc<dyn Fn(&Wanted) -> Result<Ticket, String> + Send + Sync>;

/// Where a node gets the tickets for what it proves. It passes through the [`Extensions`] of a node.
#[derive(Clone, Default)]
pub struct TicketSources(BTreeMap<String, Origin>);

#[derive(Clone)]
enum Origin {
    File(PathBuf),
    Provider(Provider),
}

/// A node does not start for want of a proof.
#[derive(Debug, thiserror::Error)]
pub enum ProvingError {
    /// Nobody here can decide about a proof that its declarations ask for.
    #[error(transparent)]
    Unchecked(#[from] ProofError),
    /// Two proofs with one name.
    #[error("two declared proofs have the name `{0}`: rename one of the types")]
    TwoProofs(&'static str),
    /// It has no ticket.
    #[error("this node must prove `{proof}` and cannot: {why}")]
    NoTicket {
        /// The proof.
        proof: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The ticket cannot be shown.
    #[error(transparent)]
    Tickets(#[from] TicketsError),
}

impl TicketSources {
    /// The proof of this name comes from a file, which is read again when it changes.
    #[must_use]
    pub fn file(mut self, proof: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.0.insert(proof.into(), Origin::File(path.into()));
        self
    }

    /// The proof of this name is made by a function.
    #[must_use]
    pub fn provider(
        mut self,
        proof: impl Into<String>,
        provide: impl Fn(&Wanted) -> Result<Ticket, String> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(proof.into(), Origin::Provider(Arc::new(provide)));
        self
    }
}

impl fmt::Debug for TicketSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
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
    for proof in asked_for(descriptor)? {
        tickets.trust_shared(proof.validator()?)?;
    }
    let sources = extensions.get::<TicketSources>().unwrap_or_default();
    for proof in named(descriptor.proves.iter().copied())? {
        let origin = sources.0.get(proof.name).cloned();
        Keeper::new(proof, network, origin)?.start()?;
    }
    Ok(())
}

/// The declarations behind these names, each once.
fn named(proofs: impl Iterator<Item = ProofRef>) -> Result<Vec<&'static ProofDescriptor>, ProvingError> {
    let mut found: Vec<&'static ProofDescriptor> = Vec::new();
    for proof in proofs.filter_map(|proof| ProofDescriptor::of(&proof)) {
        match found.iter().find(|other| other.name == proof.name) {
            Some(other) if other.source == proof.source => {}
            Some(_) => return Err(ProvingError::TwoProofs(proof.name)),
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

/// Keeps the ticket of one proof: makes it, shows it, and renews it.
struct Keeper {
    proof: &'static ProofDescriptor,
    network: Network,
    origin: Origin,
    /// Who would decide about it here, if somebody can: what is over or wrong is found out before others refuse it.
    judge: Option<Trusted>,
}

/// A ticket that is shown.
struct Kept {
    id: TicketId,
    /// When to ask a provider for the next.
    next: Option<Instant>,
    /// What stood in the way at last: told once.
    told: Option<String>,
}

impl Keeper {
    fn new(
        proof: &'static ProofDescriptor,
        network: &Network,
        origin: Option<Origin>,
    ) -> Result<Self, ProvingError> {
        let no_ticket = |why| ProvingError::NoTicket { proof: proof.name, why };
        let from_environment =
            || std::env::var_os(variable(proof.name)).map(|path| Origin::File(path.into()));
        let origin = match origin.or_else(from_environment) {
            Some(origin) => origin,
            None => own(proof, network).map_err(no_ticket)?,
        };
        let judge = proof.validator().ok().and_then(|validator| Trusted::new(validator).ok());
        Ok(Self { proof, network: network.clone(), origin, judge })
    }

    /// Shows a first ticket, and goes on.
    fn start(self) -> Result<(), ProvingError> {
        let ticket = self.make().map_err(|why| self.no_ticket(why))?;
        let next = self.judged(&ticket).map_err(|why| self.no_ticket(why))?;
        let mut kept = Kept { id: self.tickets().add(ticket)?, next, told: None };
        let scope = self.network.scope().clone();
        scope.clone().spawn("ticket keeper", async move {
            loop {
                tokio::select! {
                    biased;
                    () = scope.stopping() => return,
                    () = sleep_until(Instant::now() + LOOK) => self.renew(&mut kept),
                }
            }
        });
        Ok(())
    }

    /// Shows another ticket if there is one and it is good; else the old one stays.
    fn renew(&self, kept: &mut Kept) {
        if matches!(self.origin, Origin::Provider(_)) && kept.next.is_none_or(|next| Instant::now() < next) {
            return;
        }
        let renewed = self.make().and_then(|ticket| {
            let same = ticket.id() == kept.id;
            if same && matches!(self.origin, Origin::File(_)) {
                return Ok(());
            }
            let next = self.judged(&ticket)?;
            (kept.next, kept.told) = (next, None);
            if same {
                return Ok(());
            }
            kept.id = self.tickets().replace(&kept.id, ticket).map_err(|error| error.to_string())?;
            tracing::info!(target: "mosaik::node", proof = self.proof.name, "the ticket was renewed");
            Ok(())
        });
        if let Err(why) = renewed
            && kept.told.as_ref() != Some(&why)
        {
            tracing::warn!(target: "mosaik::node", proof = self.proof.name, "the ticket stays as it was: {why}");
            kept.next = kept.next.map(|_| Instant::now() + 10 * LOOK);
            kept.told = Some(why);
        }
    }

    fn make(&self) -> Result<Ticket, String> {
        match &self.origin {
            Origin::File(path) => read(path, self.proof.class()),
            Origin::Provider(provide) => crate::tickets::aside(|| provide(&self.wanted())),
        }
    }

    /// When to renew it; an error when it would be refused by whoever decides as this node does.
    fn judged(&self, ticket: &Ticket) -> Result<Option<Instant>, String> {
        let wanted = self.wanted();
        let Some(judge) = &self.judge else { return Ok(Some(Instant::now() + BLIND)) };
        // Keys that cannot be read again stay as they were, and their own validator tells of it.
        let _ = judge.refresh();
        let shown = Shown { ticket, peer: wanted.peer, network: &wanted.network, now: wanted.now };
        // A check that does not answer at once is left to the other side.
        match futures::FutureExt::now_or_never(judge.validate(shown)) {
            Some(Ok(Valid { until })) => {
                let left = until.distance(wanted.now.min(until));
                Ok(Instant::now().checked_add(left - left / EARLY))
            }
            Some(Err(denial)) => Err(denial.to_string()),
            None => Ok(Some(Instant::now() + BLIND)),
        }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            network: self.network.name().to_owned(),
            peer: self.network.local().id(),
            now: self.network.clock().wall(),
        }
    }

    fn tickets(&self) -> &Tickets {
        self.network.tickets()
    }

    fn no_ticket(&self, why: String) -> ProvingError {
        ProvingError::NoTicket { proof: self.proof.name, why }
    }
}

/// A ticket from a file. Tokens often end in a line break, which is not theirs.
fn read(path: &std::path::Path, class: Class) -> Result<Ticket, String> {
    use std::io::Read;
    let unreadable =
        |error: std::io::Error| format!("cannot read {}: {error}: check the path", path.display());
    let mut bytes = Vec::new();
    let file = crate::tickets::open(path).map_err(unreadable)?;
    file.take(MAX_TICKET as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if class == Class::jwt() {
        bytes.truncate(bytes.trim_ascii_end().len());
    }
    Ticket::new(class, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// What a machine can prove by itself.
fn own(proof: &'static ProofDescriptor, network: &Network) -> Result<Origin, String> {
    match proof.kind {
        #[cfg(feature = "tdx")]
        crate::tickets::ProofKind::Tdx(_) => {
            use crate::tickets::tdx::{Prover, Tsm};
            let prover = Prover::new(Tsm::default(), network.id(), network.local().id());
            Ok(Origin::Provider(Arc::new(move |wanted: &Wanted| {
                prover.prove(wanted.now).map_err(|error| error.to_string())
            })))
        }
        _ => {
            let _ = network;
            let (name, variable) = (proof.name, variable(proof.name));
            Err(format!("it has no ticket: give it one with `--ticket {name}=FILE`, or in {variable}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        primitives::policy::Rule,
        tickets::{ProofKind, TdxProof},
        topology::{Source, StreamDescriptor, fixtures::SENSOR},
    };

    fn proof(name: &'static str, line: u32) -> ProofRef {
        let kind = ProofKind::Tdx(TdxProof { measurements: "m", collateral: None, max_age: None });
        let source = Source { file: "proofs.rs", line };
        let declared: &'static ProofDescriptor =
            Box::leak(Box::new(ProofDescriptor { name, kind, docs: "", source }));
        ProofRef { name, declared }
    }

    #[test]
    fn a_node_checks_what_it_asks_of_others_and_each_proof_once() {
        let [desk, image, other] = [proof("Desk", 1), proof("Image", 2), proof("Desk", 3)];
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
        let twin = StreamDescriptor { producers: Rule::Proof(other), ..*orders };
        let roles = vec![Role::Consumes(orders), Role::Consumes(Box::leak(Box::new(twin)))];
        assert!(asked(roles).expect_err("two of one name").to_string().contains("`Desk`"));
    }

    #[test]
    fn a_ticket_in_a_file_is_read_without_the_line_break_that_is_not_its_own() {
        let path = std::env::temp_dir().join(format!("mosaik-ticket-{}", std::process::id()));
        std::fs::write(&path, "a.b.c\n").expect("written");
        let own = Class::new("badge").expect("a word");
        assert_eq!(read(&path, Class::jwt()), Ok(Ticket::new(Class::jwt(), "a.b.c").expect("fits")));
        assert_eq!(read(&path, own.clone()), Ok(Ticket::new(own, "a.b.c\n").expect("fits")));
        std::fs::write(&path, vec![b'a'; MAX_TICKET + 1]).expect("written");
        assert!(read(&path, Class::jwt()).expect_err("too large").contains("the limit is"));
        std::fs::remove_file(&path).expect("removed");
        assert!(read(&path, Class::jwt()).expect_err("gone").contains("check the path"));
    }

    #[test]
    fn the_variable_of_a_proof() {
        assert_eq!(variable("DeskTicket"), "MOSAIK_TICKET_DESK_TICKET");
        assert_eq!(variable("Badge2"), "MOSAIK_TICKET_BADGE2");
    }
}
