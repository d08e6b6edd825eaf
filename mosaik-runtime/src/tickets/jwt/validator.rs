//! What is required of a token, and whether one meets it.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{
    Algorithm, Claims, KeyError, KeyFile, KeySet, NumericDate, TokenError, header::split, inspect::inspect,
    twin::twin,
};
use crate::{
    primitives::Wall,
    tickets::{Class, Shown, Ticket, TicketId, Valid, Validation, Validator, trusted::aside},
};

/// How far clocks may differ when a token's beginning is looked at.
const LEEWAY: Duration = Duration::from_secs(60);

/// Checks tokens. By default a token must name the network in `aud` (by name or id), the peer that shows it in `sub` (its 64 hex
/// digits), and an end in `exp`. Nobody is trusted but by a key that is given here.
pub struct Jwt {
    name: String,
    keys: Mutex<Keys>,
    generation: AtomicU64,
    issuers: Vec<String>,
    audience: Audience,
    subject: Subject,
    claims: Vec<(String, Value)>,
    only: Option<Algorithm>,
    longest: Option<Duration>,
    oldest: Option<Duration>,
    leeway: Duration,
    revoked: Option<Revoked>,
}

struct Keys {
    set: Arc<KeySet>,
    file: Option<KeyFile>,
}

/// Whether the token with this `jti` was taken back.
type Revoked = Box<dyn Fn(&str) -> bool + Send + Sync>;

enum Audience {
    Network,
    Exactly(String),
}

enum Subject {
    Peer,
    Exactly(BTreeSet<String>),
    Anybody,
}

impl Jwt {
    /// Tokens that one of these keys signed. `name` is the proof's.
    pub fn new(name: impl Into<String>, keys: KeySet) -> Self {
        Self::with(name.into(), Keys { set: Arc::new(keys), file: None })
    }

    /// Tokens that one of the keys in this file signed. The file must be there; it is read again when it changes.
    pub fn from_file(name: impl Into<String>, mut file: KeyFile) -> Result<Self, KeyError> {
        let set = file.read()?.unwrap_or_default();
        Ok(Self::with(name.into(), Keys { set: Arc::new(set), file: Some(file) }))
    }

    fn with(name: String, keys: Keys) -> Self {
        Self {
            name,
            keys: Mutex::new(keys),
            generation: AtomicU64::new(0),
            issuers: Vec::new(),
            audience: Audience::Network,
            subject: Subject::Peer,
            claims: Vec::new(),
            only: None,
            longest: None,
            oldest: None,
            leeway: LEEWAY,
            revoked: None,
        }
    }

    /// The token must be from this issuer (`iss`); called again, from one of them.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// `aud` must name this instead of the network.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Audience::Exactly(audience.into());
        self
    }

    /// `sub` must be one of these instead of the peer's id. Whoever gets hold of such a token can show it as its own.
    #[must_use]
    pub fn subjects<S: Into<String>>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        self.subject = Subject::Exactly(subjects.into_iter().map(Into::into).collect());
        self
    }

    /// `sub` may be anything. Whoever gets hold of such a token can show it as its own.
    #[must_use]
    pub fn any_subject(mut self) -> Self {
        self.subject = Subject::Anybody;
        self
    }

    /// Keys of other algorithms count for nothing, though they are in the set.
    #[must_use]
    pub fn only(mut self, algorithm: Algorithm) -> Self {
        self.only = Some(algorithm);
        self
    }

    /// The token must have this claim: equal, or a list that has it.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.push((name.into(), value.into()));
        self
    }

    /// From `iat` to `exp` it may be at most this long; a token without `iat` is refused.
    #[must_use]
    pub fn max_lifetime(mut self, longest: Duration) -> Self {
        self.longest = Some(longest);
        self
    }

    /// Since `iat` it may be at most this long; a token without `iat` is refused.
    #[must_use]
    pub fn max_age(mut self, oldest: Duration) -> Self {
        self.oldest = Some(oldest);
        self
    }

    /// How far `iat` and `nbf` may lie ahead of this node's clock; 60 s by default. An end has no leeway.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Tokens whose `jti` is in here are refused, and those without one. Call [`changed`](Self::changed) when the answer changes.
    #[must_use]
    pub fn revoked(mut self, revoked: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.revoked = Some(Box::new(revoked));
        self
    }

    /// Says that verdicts given so far may no longer be right.
    pub fn changed(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Puts other keys in the place of those there are: for rotation, first the old and the new ones together.
    pub fn set_keys(&self, keys: KeySet) {
        self.keys().set = Arc::new(keys);
        self.changed();
    }

    /// Reads the file of keys again if it changed; says whether it did. On an error the keys stay as they were.
    pub fn reread(&self) -> Result<bool, KeyError> {
        let mut keys = self.keys();
        let Some(file) = &mut keys.file else { return Ok(false) };
        let Some(set) = file.read()? else { return Ok(false) };
        keys.set = Arc::new(set);
        drop(keys);
        self.changed();
        Ok(true)
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks a token: its signature first, then what it says.
    pub fn check(&self, shown: Shown<'_>) -> Result<(Claims, Valid), TokenError> {
        let claims = self.authentic(shown.ticket.bytes())?;
        let until = self.time(&claims, shown.now)?;
        self.issuer_fits(&claims)?;
        self.audience_fits(&claims, &shown)?;
        self.subject_fits(&claims, &shown)?;
        self.others(&claims)?;
        Ok((claims, Valid { until }))
    }

    /// Each of the checks by itself, in the order in which they are made, so that a person sees all that is wrong. What is said of a
    /// token whose signature does not fit is not to be believed. `check` decides.
    pub fn report(&self, shown: Shown<'_>) -> Vec<(&'static str, Result<(), TokenError>)> {
        let claims = match inspect(shown.ticket.bytes()) {
            Ok(inspected) => inspected.claims,
            Err(error) => return vec![("form", Err(error))],
        };
        vec![
            ("form", Ok(())),
            ("signature", self.authentic(shown.ticket.bytes()).map(drop)),
            ("time", self.time(&claims, shown.now).map(drop)),
            ("issuer", self.issuer_fits(&claims)),
            ("audience", self.audience_fits(&claims, &shown)),
            ("subject", self.subject_fits(&claims, &shown)),
            ("claims", self.others(&claims)),
        ]
    }

    /// What a token says that one of the keys signed.
    fn authentic(&self, token: &[u8]) -> Result<Claims, TokenError> {
        let parts = split(token)?;
        if self.only.is_some_and(|only| only != parts.algorithm) {
            return Err(TokenError::UnknownKey);
        }
        let keys = self.keys().set.clone();
        let mut fitting = keys.fitting(parts.kid.as_deref(), parts.algorithm).peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        if !fitting.any(|key| key.material.verifies(parts.signed, &parts.signature)) {
            return Err(TokenError::Signature);
        }
        Claims::read(&parts.claims)
    }

    /// Until when the token is valid.
    fn time(&self, claims: &Claims, now: Wall) -> Result<Wall, TokenError> {
        let leeway = millis(self.leeway);
        let begun = |date: Option<NumericDate>| match date {
            Some(date) if date.wall().0 > now.0.saturating_add(leeway) => {
                let from = Wall(date.wall().0 - leeway);
                Err(TokenError::NotYet { after: from.distance(now), from })
            }
            _ => Ok(()),
        };
        begun(claims.not_before)?;
        begun(claims.issued_at)?;
        let mut until = claims.expires.ok_or(TokenError::Lacks("exp"))?.wall();
        let issued = claims.issued_at.ok_or(TokenError::Lacks("iat"));
        if let Some(most) = self.longest
            && until.0.saturating_sub(issued.clone()?.wall().0) > millis(most)
        {
            return Err(TokenError::TooLong { most });
        }
        if let Some(most) = self.oldest {
            let old = issued?.wall().later(most);
            if now >= old && now < until {
                return Err(TokenError::TooOld { most });
            }
            until = until.min(old);
        }
        if now >= until { Err(TokenError::Expired { ago: now.distance(until) }) } else { Ok(until) }
    }

    /// Who made it.
    fn issuer_fits(&self, claims: &Claims) -> Result<(), TokenError> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        let issuer = claims.issuer.as_ref().ok_or(TokenError::Lacks("iss"))?;
        match self.issuers.contains(issuer) {
            true => Ok(()),
            false => Err(TokenError::Issuer { expected: self.issuers.join(" or ") }),
        }
    }

    /// Where it is valid.
    fn audience_fits(&self, claims: &Claims, shown: &Shown<'_>) -> Result<(), TokenError> {
        if claims.audience.is_empty() {
            return Err(TokenError::Lacks("aud"));
        }
        let names = |expected: &str| claims.audience.iter().any(|audience| audience == expected);
        match &self.audience {
            Audience::Network if names(shown.network) || names(&shown.network_id().to_string()) => Ok(()),
            Audience::Network => Err(TokenError::Audience { expected: "the network".to_owned() }),
            Audience::Exactly(expected) if names(expected) => Ok(()),
            Audience::Exactly(expected) => Err(TokenError::Audience { expected: expected.clone() }),
        }
    }

    /// For whom it was made.
    fn subject_fits(&self, claims: &Claims, shown: &Shown<'_>) -> Result<(), TokenError> {
        let subject = claims.subject.as_ref();
        match &self.subject {
            Subject::Anybody => Ok(()),
            Subject::Peer if *subject.ok_or(TokenError::Lacks("sub"))? == shown.peer.to_string() => Ok(()),
            Subject::Exactly(all) if all.contains(subject.ok_or(TokenError::Lacks("sub"))?) => Ok(()),
            Subject::Peer | Subject::Exactly(_) => Err(TokenError::Subject),
        }
    }

    /// The claims of the user's own, and revocation.
    fn others(&self, claims: &Claims) -> Result<(), TokenError> {
        for (name, expected) in &self.claims {
            let has = match claims.get(name) {
                Some(Value::Array(many)) if !expected.is_array() => many.contains(expected),
                Some(value) => value == *expected,
                None => false,
            };
            if !has {
                return Err(TokenError::Claim { claim: name.clone(), expected: expected.to_string() });
            }
        }
        let Some(revoked) = &self.revoked else { return Ok(()) };
        match &claims.id {
            Some(id) if revoked(id) => Err(TokenError::Revoked),
            Some(_) => Ok(()),
            // What has no name could never be taken back.
            None => Err(TokenError::Lacks("jti")),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Validator for Jwt {
    fn name(&self) -> &str {
        &self.name
    }

    fn class(&self) -> Class {
        Class::jwt()
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn refresh(&self) -> Result<(), String> {
        self.reread().map(drop).map_err(|error| error.to_string())
    }

    fn twins(&self, ticket: &Ticket) -> Vec<TicketId> {
        twin(ticket.bytes())
            .and_then(|twin| Ticket::new(Class::jwt(), twin).ok())
            .map(|twin| twin.id())
            .into_iter()
            .collect()
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move { Ok(aside(|| self.check(shown))?.1) })
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("name", &self.name)
            .field("keys", &self.keys().set)
            .finish_non_exhaustive()
    }
}
