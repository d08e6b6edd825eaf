//! Policies: who may take a role, as values.
//!
//! [`Rule`] is the const tree that attributes emit; [`Policy`] is the run-time value with the same words. Evaluation has
//! three values: what is unknown refuses, also under `!`.

use std::{
    any::Any,
    collections::BTreeSet,
    fmt,
    ops::{BitAnd, BitOr, Not},
    sync::Arc,
    time::Duration,
};

use super::{
    ids::PeerId,
    peer::{Decision, PeerView},
};

/// A policy known at compile time, as `require(..)` in an attribute writes it.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Everybody.
    Anyone,
    /// Peers that claim this tag.
    Tag(&'static str),
    /// Peers whose round-trip time is below this many milliseconds.
    RttBelow(u64),
    /// Peers for which a function without captures says yes; the text is the attribute's, for messages.
    Peer(&'static str, fn(&PeerView) -> bool),
    /// Peers that prove this.
    Proof(ProofRef),
    /// Both hold.
    Both(&'static Rule, &'static Rule),
    /// One of the two holds.
    Either(&'static Rule, &'static Rule),
    /// It does not hold.
    Not(&'static Rule),
}

/// A declared proof, as other declarations name it. What it takes to prove it, the floor of tickets knows.
#[derive(Debug, Clone, Copy)]
pub struct ProofRef {
    /// Its name, for messages.
    pub name: &'static str,
    /// The name behind the module that declares it: what tells one proof from another.
    pub path: &'static str,
    /// What a reader of the topology must know about it; empty if nothing.
    pub note: &'static str,
    /// Its declaration.
    pub declared: &'static (dyn Any + Send + Sync),
}

/// The name of a proof without the module that declares it.
pub(crate) fn short(proof: &str) -> &str {
    proof.rsplit("::").next().unwrap_or(proof)
}

/// Whether `name` is the last part of a proof's path, or all of it.
pub(crate) fn is_named(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|module| module.is_empty() || module.ends_with("::"))
}

impl Rule {
    /// The proofs that this rule names, also those that another one can stand in for.
    pub fn proofs(&self) -> Vec<ProofRef> {
        match self {
            Self::Proof(proof) => vec![*proof],
            Self::Both(a, b) | Self::Either(a, b) => [a.proofs(), b.proofs()].concat(),
            Self::Not(inner) => inner.proofs(),
            Self::Anyone | Self::Tag(_) | Self::RttBelow(_) | Self::Peer(..) => Vec::new(),
        }
    }
}

/// Who may take a role. Combine policies with `&`, `|` and `!`.
#[derive(Clone)]
pub struct Policy {
    kind: Kind,
    /// The proofs that it asks for, in order; `None` for none. They are asked for at each decision, so they are gathered once.
    proofs: Option<Arc<[Arc<str>]>>,
}

#[derive(Clone)]
enum Kind {
    Anyone,
    Tag(Arc<str>),
    RttBelow(Duration),
    Proof(Arc<str>),
    Peer(Arc<str>, Arc<dyn Fn(&PeerView) -> bool + Send + Sync>),
    Both(Arc<Policy>, Arc<Policy>),
    Either(Arc<Policy>, Arc<Policy>),
    Not(Arc<Policy>),
}

/// Peers that claim this tag.
pub fn tag(text: &str) -> Policy {
    Policy::of(Kind::Tag(text.into()))
}

/// Peers whose round-trip time is below `limit`. The least of the recent samples counts.
pub fn rtt_below(limit: Duration) -> Policy {
    Policy::of(Kind::RttBelow(limit))
}

/// Peers for which `holds` says yes. It may be called often, and must not block.
pub fn peer(holds: impl Fn(&PeerView) -> bool + Send + Sync + 'static) -> Policy {
    Policy::of(Kind::Peer("peer(..)".into(), Arc::new(holds)))
}

/// Peers that prove this, by a ticket about which the validator of this name decides. A declared proof goes by its name, or behind its
/// module where two have one name: `desks::Ticket`. `!` on it holds for nobody: that a peer proves nothing is no proof.
pub fn proof(name: &str) -> Policy {
    Policy::of(Kind::Proof(name.into()))
}

impl Policy {
    /// Everybody.
    pub const fn anyone() -> Self {
        Self { kind: Kind::Anyone, proofs: None }
    }

    fn of(kind: Kind) -> Self {
        let proofs = match &kind {
            Kind::Proof(name) => Some([name.clone()].into()),
            Kind::Both(a, b) | Kind::Either(a, b) => match (&a.proofs, &b.proofs) {
                (Some(a), Some(b)) => {
                    let all: BTreeSet<_> = a.iter().chain(b.iter()).cloned().collect();
                    Some(all.into_iter().collect())
                }
                (one, other) => one.as_ref().or(other.as_ref()).cloned(),
            },
            Kind::Not(inner) => inner.proofs.clone(),
            Kind::Anyone | Kind::Tag(_) | Kind::RttBelow(_) | Kind::Peer(..) => None,
        };
        Self { kind, proofs }
    }

    /// One peer.
    pub fn only(id: PeerId) -> Self {
        Self::of(Kind::Peer(format!("peer {}", id.short()).into(), Arc::new(move |view| view.id == id)))
    }

    /// Whether every peer passes, whatever is known of it.
    pub fn is_anyone(&self) -> bool {
        matches!(self.kind, Kind::Anyone)
    }

    /// Decides about a peer.
    pub fn evaluate(&self, view: &PeerView) -> Decision {
        match &self.kind {
            Kind::Anyone => Decision::Yes,
            Kind::Tag(tag) => match &view.tags {
                Some(tags) => tags.contains(&**tag).into(),
                None => Decision::Unknown,
            },
            Kind::RttBelow(limit) => match view.rtt {
                Some(rtt) => (rtt < *limit).into(),
                None => Decision::Unknown,
            },
            Kind::Proof(name) => view.proofs.get(name).copied().unwrap_or(Decision::Unknown),
            Kind::Peer(_, holds) => holds(view).into(),
            Kind::Both(a, b) => match (a.evaluate(view), b.evaluate(view)) {
                (Decision::No, _) | (_, Decision::No) => Decision::No,
                (Decision::Yes, Decision::Yes) => Decision::Yes,
                _ => Decision::Unknown,
            },
            Kind::Either(a, b) => match (a.evaluate(view), b.evaluate(view)) {
                (Decision::Yes, _) | (_, Decision::Yes) => Decision::Yes,
                (Decision::No, Decision::No) => Decision::No,
                _ => Decision::Unknown,
            },
            Kind::Not(inner) if inner.needs_proofs() => Decision::Unknown,
            Kind::Not(inner) => match inner.evaluate(view) {
                Decision::Yes => Decision::No,
                Decision::No => Decision::Yes,
                Decision::Unknown => Decision::Unknown,
            },
        }
    }

    /// Whether admission under this policy depends on the round-trip time.
    pub fn needs_rtt(&self) -> bool {
        match &self.kind {
            Kind::RttBelow(_) => true,
            Kind::Peer(..) => true,
            Kind::Both(a, b) | Kind::Either(a, b) => a.needs_rtt() || b.needs_rtt(),
            Kind::Not(inner) => inner.needs_rtt(),
            Kind::Anyone | Kind::Tag(_) | Kind::Proof(_) => false,
        }
    }

    /// Whether admission under this policy depends on proofs.
    pub fn needs_proofs(&self) -> bool {
        self.proofs.is_some()
    }

    /// The proofs that this policy asks for: each name once, in order.
    pub fn proofs(&self) -> &[Arc<str>] {
        self.proofs.as_deref().unwrap_or_default()
    }

    /// The same policy with every limit on round-trip time multiplied by `factor`: a link that was admitted under a limit
    /// is cut only clearly above it.
    #[must_use]
    pub fn relaxed(&self, factor: f64) -> Self {
        let relax = |inner: &Arc<Self>| Arc::new(inner.relaxed(factor));
        Self::of(match &self.kind {
            Kind::RttBelow(limit) => Kind::RttBelow(limit.mul_f64(factor)),
            Kind::Both(a, b) => Kind::Both(relax(a), relax(b)),
            Kind::Either(a, b) => Kind::Either(relax(a), relax(b)),
            // Under `!` a larger limit is stricter, so that limit stays.
            other => other.clone(),
        })
    }
}

impl From<Rule> for Policy {
    fn from(rule: Rule) -> Self {
        let shared = |rule: &Rule| Arc::new(Self::from(*rule));
        Self::of(match rule {
            Rule::Anyone => Kind::Anyone,
            Rule::Tag(tag) => Kind::Tag(tag.into()),
            Rule::RttBelow(ms) => Kind::RttBelow(Duration::from_millis(ms)),
            Rule::Peer(text, holds) => Kind::Peer(text.into(), Arc::new(holds)),
            Rule::Proof(proof) => Kind::Proof(proof.path.into()),
            Rule::Both(a, b) => Kind::Both(shared(a), shared(b)),
            Rule::Either(a, b) => Kind::Either(shared(a), shared(b)),
            Rule::Not(inner) => Kind::Not(shared(inner)),
        })
    }
}

impl BitAnd for Policy {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self::of(Kind::Both(Arc::new(self), Arc::new(other)))
    }
}

impl BitOr for Policy {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self::of(Kind::Either(Arc::new(self), Arc::new(other)))
    }
}

impl Not for Policy {
    type Output = Self;

    fn not(self) -> Self {
        Self::of(Kind::Not(Arc::new(self)))
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Anyone => f.write_str("anyone"),
            Kind::Tag(tag) => write!(f, "tag({tag:?})"),
            Kind::RttBelow(limit) => write!(f, "rtt_below({limit:?})"),
            Kind::Proof(name) => f.write_str(short(name)),
            Kind::Peer(text, _) => f.write_str(text),
            Kind::Both(a, b) => write!(f, "{a} & {b}"),
            Kind::Either(a, b) => write!(f, "({a} | {b})"),
            Kind::Not(inner) => match inner.kind {
                Kind::Both(..) => write!(f, "!({inner})"),
                _ => write!(f, "!{inner}"),
            },
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({self})")
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::anyone()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Policy::from(*self), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Tag;

    fn view(tags: Option<&[&str]>, rtt_ms: Option<u64>) -> PeerView {
        PeerView {
            tags: tags.map(|tags| Arc::new(tags.iter().filter_map(|text| Tag::new(text).ok()).collect())),
            rtt: rtt_ms.map(Duration::from_millis),
            ..PeerView::stranger(PeerId::from_bytes([1; 32]))
        }
    }

    #[test]
    fn unknown_is_neither_yes_nor_no_also_under_not() {
        let stranger = view(None, None);
        for policy in [tag("a"), !tag("a"), rtt_below(Duration::from_secs(1)), !(tag("a") & tag("b"))] {
            assert_eq!(policy.evaluate(&stranger), Decision::Unknown, "{policy}");
        }
        assert_eq!((tag("a") | Policy::anyone()).evaluate(&stranger), Decision::Yes);
        assert_eq!((tag("a") & !Policy::anyone()).evaluate(&stranger), Decision::No);
    }

    #[test]
    fn rules_and_policies_mean_the_same() {
        const RULE: Rule = Rule::Both(&Rule::Tag("matcher"), &Rule::Not(&Rule::RttBelow(20)));
        let policy = Policy::from(RULE);
        assert_eq!(policy.to_string(), "tag(\"matcher\") & !rtt_below(20ms)");
        assert_eq!(policy.evaluate(&view(Some(&["matcher"]), Some(30))), Decision::Yes);
        assert_eq!(policy.evaluate(&view(Some(&["matcher"]), Some(10))), Decision::No);
        assert_eq!(policy.evaluate(&view(Some(&["desk"]), None)), Decision::No);
    }

    #[test]
    fn a_declared_proof_is_asked_for_by_its_name() {
        const BADGE: Rule =
            Rule::Proof(ProofRef { name: "Badge", path: "office::Badge", note: "", declared: &() });
        const RULE: Rule = Rule::Both(&Rule::Tag("matcher"), &BADGE);
        let policy = Policy::from(RULE);
        assert_eq!(policy.to_string(), "tag(\"matcher\") & Badge");
        assert_eq!(policy.proofs(), ["office::Badge".into()]);
        assert_eq!(Rule::Either(&RULE, &BADGE).proofs().len(), 2);
        assert_eq!(
            policy.evaluate(&view(Some(&["matcher"]), None)),
            Decision::Unknown,
            "and so nobody passes"
        );
    }

    #[test]
    fn proofs_combine_and_are_never_taken_from_their_absence() {
        let with = |desk| {
            let mut view = view(Some(&["matcher"]), None);
            view.proofs = [("Desk".into(), desk)].into();
            view
        };
        let (proven, failed) = (with(Decision::Yes), with(Decision::No));
        let both = proof("Desk") & tag("matcher");
        assert_eq!((both.evaluate(&proven), both.evaluate(&failed)), (Decision::Yes, Decision::No));
        assert_eq!((proof("Desk") | tag("matcher")).evaluate(&failed), Decision::Yes);
        assert_eq!((proof("Desk") | proof("Other")).evaluate(&proven), Decision::Yes);
        assert_eq!((proof("Desk") & proof("Other")).evaluate(&proven), Decision::Unknown);
        for policy in [!proof("Desk"), !(proof("Desk") & tag("desk")), !!proof("Desk")] {
            assert_eq!(policy.evaluate(&failed), Decision::Unknown, "{policy}");
            assert_eq!(policy.evaluate(&proven), Decision::Unknown, "{policy}");
        }
        let all = !proof("Image") | both | proof("Image");
        assert_eq!(all.proofs(), ["Desk".into(), "Image".into()], "each once");
        assert!(tag("desk").proofs().is_empty() && !tag("desk").needs_proofs());
    }

    #[test]
    fn a_relaxed_limit_is_wider_but_not_under_not() {
        let limit = rtt_below(Duration::from_millis(20));
        assert_eq!(limit.relaxed(1.25).evaluate(&view(None, Some(24))), Decision::Yes);
        assert_eq!((!limit).relaxed(1.25).evaluate(&view(None, Some(24))), Decision::Yes);
    }
}
