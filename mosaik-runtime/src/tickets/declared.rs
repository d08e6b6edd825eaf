//! Declared proofs: what `#[proof]` makes of a type, and the validator that it asks for.

use std::{any::Any, fmt, path::PathBuf, sync::Arc, time::Duration};

use super::{Class, Nonce, Shown, Ticket, TicketId, Validation, Validator};
use crate::{
    primitives::policy::{ProofRef, Rule},
    topology::Source,
};

/// The variable that names the directory of the files that declarations name.
const DIRECTORY: &str = "MOSAIK_CONFIG_DIR";

/// A declared proof: a named type that policies ask for, and that nodes prove. Implemented by `#[proof]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a proof",
    label = "proves nothing",
    note = "put `#[proof(jwt, keys = file(\"..\"))]`, `#[proof(tdx, measurements = file(\"..\"))]` or `#[proof(MyValidator)]` on `{Self}`"
)]
pub trait Proof: 'static {
    /// What the attribute says.
    const DESCRIPTOR: &'static ProofDescriptor;
    /// The proof as other declarations name it.
    const REF: ProofRef = ProofRef {
        name: Self::DESCRIPTOR.name,
        path: Self::DESCRIPTOR.path,
        note: Self::DESCRIPTOR.note(),
        declared: Self::DESCRIPTOR,
    };
    /// The policy that asks for it.
    const RULE: Rule = Rule::Proof(Self::REF);
}

/// What `#[proof]` says.
#[derive(Debug)]
pub struct ProofDescriptor {
    /// The type's name, and the proof's.
    pub name: &'static str,
    /// The name behind its module, which tells it from another proof of the same name: `desks::DeskTicket`.
    pub path: &'static str,
    /// Who decides about it.
    pub kind: ProofKind,
    /// The user's doc comment.
    pub docs: &'static str,
    /// Where it is declared.
    pub source: Source,
}

/// Who decides about a declared proof.
pub enum ProofKind {
    /// A token that one of these keys signed.
    Jwt(JwtProof),
    /// A quote of one of these images.
    Tdx(TdxProof),
    /// A validator of the user's.
    Own(fn() -> Arc<dyn Validator>),
}

/// What is required of a token. Durations are in milliseconds; files are relative to `MOSAIK_CONFIG_DIR`, else to where the program
/// runs.
#[derive(Debug, Clone, Copy)]
pub struct JwtProof {
    /// The file of keys.
    pub keys: &'static str,
    /// Who may have made it; nobody in particular if empty.
    pub issuers: &'static [&'static str],
    /// What `aud` must name instead of the network.
    pub audience: Option<&'static str>,
    /// The only algorithm whose keys count, by its name in tokens.
    pub algorithm: Option<&'static str>,
    /// The longest time from `iat` to `exp`.
    pub max_lifetime: Option<u64>,
    /// The longest time since `iat`.
    pub max_age: Option<u64>,
}

/// Whose platforms a program takes quotes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TdxPlatform {
    /// Real ones, by Intel's root certificate.
    #[default]
    Intel,
    /// The simulated one, which proves nothing: everybody can make its quotes. For development.
    Simulated,
}

/// What is required of a quote. As in [`JwtProof`].
#[derive(Debug, Clone, Copy)]
pub struct TdxProof {
    /// Whose platforms are genuine.
    pub platform: TdxPlatform,
    /// The file of measurements.
    pub measurements: &'static str,
    /// The directory of collateral; that of tickets if there is none.
    pub collateral: Option<&'static str>,
    /// The longest time since the quote was made.
    pub max_age: Option<u64>,
    /// How long an answer to a challenge counts, if tickets alone are not enough.
    pub challenge: Option<u64>,
    /// The firmware that it must be, as 96 hex digits, whatever the file says.
    pub mrtd: Option<&'static str>,
}

impl fmt::Debug for ProofKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jwt(jwt) => jwt.fmt(f),
            Self::Tdx(tdx) => tdx.fmt(f),
            Self::Own(_) => f.write_str("Own"),
        }
    }
}

/// A declared proof cannot be checked here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proof `{proof}` cannot be checked here: {why}")]
pub struct ProofError {
    /// The proof.
    pub proof: &'static str,
    /// What is wrong, and what to do.
    pub why: String,
}

/// A validator of the user's, made by its default, as a declaration keeps it.
pub fn own<V: Validator + Default>() -> Arc<dyn Validator> {
    Arc::new(V::default())
}

impl ProofDescriptor {
    /// What another declaration names by `proof`.
    pub fn of(proof: &ProofRef) -> Option<&'static Self> {
        let declared: &'static (dyn Any + Send + Sync) = proof.declared;
        declared.downcast_ref()
    }

    /// Whether whoever likes can make its quotes: it trusts the simulated platform.
    pub const fn is_simulated(&self) -> bool {
        matches!(self.kind, ProofKind::Tdx(TdxProof { platform: TdxPlatform::Simulated, .. }))
    }

    /// What a reader of the topology must know about it.
    const fn note(&self) -> &'static str {
        if self.is_simulated() { crate::topology::graph::SIMULATED } else { "" }
    }

    /// The class of tickets that prove it.
    pub fn class(&self) -> Class {
        match self.kind {
            ProofKind::Jwt(_) => Class::jwt(),
            ProofKind::Tdx(_) => Class::tdx(),
            ProofKind::Own(make) => make().class(),
        }
    }

    /// Who decides about it.
    ///
    /// # Errors
    ///
    /// When a file that it names cannot be used, or the program was built without what it takes.
    pub fn validator(&self) -> Result<Arc<dyn Validator>, ProofError> {
        let made = match &self.kind {
            ProofKind::Jwt(proof) => jwt(self.path, proof),
            ProofKind::Tdx(proof) => tdx(self.path, proof),
            ProofKind::Own(make) => Ok(Arc::new(Renamed { name: self.path, validator: make() }) as Arc<_>),
        };
        made.map_err(|why| ProofError { proof: self.name, why })
    }
}

/// A validator under the name of the proof that it decides about.
struct Renamed {
    name: &'static str,
    validator: Arc<dyn Validator>,
}

impl Validator for Renamed {
    fn name(&self) -> &str {
        self.name
    }

    fn class(&self) -> Class {
        self.validator.class()
    }

    fn generation(&self) -> u64 {
        self.validator.generation()
    }

    fn refresh(&self) -> Result<(), String> {
        self.validator.refresh()
    }

    fn twins(&self, ticket: &Ticket) -> Vec<TicketId> {
        self.validator.twins(ticket)
    }

    fn challenge(&self) -> Option<Duration> {
        self.validator.challenge()
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        self.validator.validate(shown)
    }

    fn answered<'a>(&'a self, shown: Shown<'a>, nonce: &'a Nonce) -> Validation<'a> {
        self.validator.answered(shown, nonce)
    }
}

/// Where a file of a declaration is.
#[cfg_attr(
    not(any(feature = "jwt", feature = "tdx")),
    expect(dead_code, reason = "nothing declared needs a file")
)]
fn configured(file: &str) -> PathBuf {
    std::env::var_os(DIRECTORY)
        .map_or_else(|| PathBuf::from(file), |directory| PathBuf::from(directory).join(file))
}

#[cfg(feature = "jwt")]
fn jwt(name: &'static str, proof: &JwtProof) -> Result<Arc<dyn Validator>, String> {
    use super::jwt::{Algorithm, Jwt, KeyFile};
    let file = KeyFile::new(configured(proof.keys));
    let mut jwt = Jwt::from_file(name, file).map_err(|error| error.to_string())?;
    for issuer in proof.issuers {
        jwt = jwt.issuer(*issuer);
    }
    if let Some(audience) = proof.audience {
        jwt = jwt.audience(audience);
    }
    if let Some(name) = proof.algorithm {
        let known = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        jwt = jwt.only(known.ok_or_else(|| format!("there is no algorithm `{name}`"))?);
    }
    if let Some(longest) = proof.max_lifetime {
        jwt = jwt.max_lifetime(Duration::from_millis(longest));
    }
    if let Some(oldest) = proof.max_age {
        jwt = jwt.max_age(Duration::from_millis(oldest));
    }
    Ok(Arc::new(jwt))
}

#[cfg(not(feature = "jwt"))]
fn jwt(_: &'static str, _: &JwtProof) -> Result<Arc<dyn Validator>, String> {
    Err("this program was built without mosaik's feature `jwt`".to_owned())
}

#[cfg(feature = "tdx")]
fn tdx(name: &'static str, proof: &TdxProof) -> Result<Arc<dyn Validator>, String> {
    use super::tdx::{CollateralDirectory, Measurement, MeasurementsFile, Required, Root, Tdx, simulated};
    let mut file = MeasurementsFile::new(configured(proof.measurements));
    let read = file.read().map_err(|error| error.to_string())?;
    // A file that was not read before is never as it was.
    let variants = read.ok_or_else(|| "the file of measurements was read before".to_owned())?;
    let mut required = Required::new(variants);
    if proof.platform == TdxPlatform::Simulated {
        required = required.root(Root::Simulated(simulated::DEVELOPMENT));
    }
    if let Some(oldest) = proof.max_age {
        required = required.max_age(Duration::from_millis(oldest));
    }
    if let Some(counts) = proof.challenge {
        required = required.challenged(Duration::from_millis(counts));
    }
    if let Some(mrtd) = proof.mrtd {
        let mrtd = mrtd.parse::<Measurement>().map_err(|error| error.to_string())?;
        required = required.firmware(mrtd);
    }
    let mut tdx = Tdx::new(name, required).measured_by(file).map_err(|error| error.to_string())?;
    if let Some(directory) = proof.collateral {
        let directory =
            CollateralDirectory::read(configured(directory)).map_err(|error| error.to_string())?;
        tdx = tdx.collateral(directory);
    }
    Ok(Arc::new(tdx))
}

#[cfg(not(feature = "tdx"))]
fn tdx(_: &'static str, _: &TdxProof) -> Result<Arc<dyn Validator>, String> {
    Err("this program was built without mosaik's feature `tdx`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source { file: "proofs.rs", line: 1 };

    #[derive(Default)]
    struct Badge;

    impl Validator for Badge {
        fn name(&self) -> &str {
            "Badge"
        }

        fn class(&self) -> Class {
            Class::jwt()
        }

        fn validate<'a>(&'a self, _: Shown<'a>) -> Validation<'a> {
            Box::pin(async { Err(crate::tickets::Denial::OtherPeer) })
        }
    }

    struct Visitor;

    impl Proof for Visitor {
        const DESCRIPTOR: &'static ProofDescriptor = &ProofDescriptor {
            name: "Visitor",
            path: "guests::Visitor",
            kind: ProofKind::Own(own::<Badge>),
            docs: "",
            source: SOURCE,
        };
    }

    #[test]
    fn a_declared_proof_is_found_again_and_its_validator_has_its_name() {
        let descriptor = ProofDescriptor::of(&Visitor::REF).expect("a declaration");
        assert_eq!(
            descriptor.validator().map(|made| made.name().to_owned()),
            Ok("guests::Visitor".to_owned())
        );
        assert_eq!(descriptor.class(), Class::jwt());
        assert_eq!(Visitor::RULE.to_string(), "Visitor");
        assert!(ProofDescriptor::of(&ProofRef { declared: &7u8, ..Visitor::REF }).is_none());
    }

    #[test]
    fn what_cannot_be_checked_says_why() {
        let keys = JwtProof {
            keys: "/nonexistent/desk.jwks",
            issuers: &["desk"],
            audience: None,
            algorithm: None,
            max_lifetime: None,
            max_age: None,
        };
        let platform = TdxPlatform::Intel;
        let tdx = TdxProof {
            platform,
            measurements: "/nonexistent/m",
            collateral: None,
            max_age: None,
            challenge: None,
            mrtd: None,
        };
        for kind in [ProofKind::Jwt(keys), ProofKind::Tdx(tdx)] {
            let descriptor =
                ProofDescriptor { name: "Desk", path: "desks::Desk", kind, docs: "", source: SOURCE };
            let error = descriptor.validator().map(drop).expect_err("there is no such file");
            let text = error.to_string();
            assert!(text.starts_with("the proof `Desk` cannot be checked here:"), "{text}");
            assert!(text.contains("/nonexistent") || text.contains("built without"), "{text}");
        }
    }

    #[cfg(feature = "jwt")]
    #[test]
    fn a_declared_token_is_checked_with_the_keys_in_its_file() {
        use futures::FutureExt;

        use crate::{
            primitives::{PeerId, Wall},
            tickets::{
                Valid,
                jwt::{Algorithm, Claims, NumericDate, Signer},
            },
        };
        const JWK: &str = r#"{"kty":"oct","alg":"HS256","kid":"1","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
        let path = std::env::temp_dir().join(format!("mosaik-declared-{}", std::process::id()));
        std::fs::write(&path, JWK).expect("written");
        let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("changed");
        let keys: &'static str = Box::leak(path.display().to_string().into_boxed_str());
        let proof = JwtProof {
            keys,
            issuers: &["desk"],
            audience: None,
            algorithm: Some("HS256"),
            max_lifetime: Some(3_600_000),
            max_age: None,
        };
        let kind = ProofKind::Jwt(proof);
        let descriptor =
            ProofDescriptor { name: "Desk", path: "desks::Desk", kind, docs: "", source: SOURCE };
        let validator = descriptor.validator().expect("the file is there");
        let peer = PeerId::from_bytes([1; 32]);
        let token = |issuer: &str, end: u64| {
            let claims = Claims {
                issuer: Some(issuer.to_owned()),
                subject: Some(peer.to_string()),
                audience: vec!["dark".to_owned()],
                issued_at: Some(NumericDate(1000)),
                expires: Some(NumericDate(end)),
                ..Claims::default()
            };
            let signer = Signer::from_jwk(JWK).expect("a key");
            assert_eq!(signer.algorithm(), Algorithm::Hs256);
            Ticket::new(Class::jwt(), signer.issue(&claims).expect("issued")).expect("fits")
        };
        let check = |ticket: Ticket| {
            let shown = Shown { ticket: &ticket, peer, network: "dark", now: Wall(1_500_000) };
            validator.validate(shown).now_or_never().expect("at once")
        };
        assert_eq!(check(token("desk", 2000)), Ok(Valid { until: Wall(2_000_000) }));
        assert_eq!(check(token("bank", 2000)).map_err(|denial| denial.code()), Err("untrusted"));
        assert_eq!(
            check(token("desk", 9000)).map_err(|denial| denial.code()),
            Err("unmet"),
            "it lives too long"
        );
        std::fs::remove_file(path).expect("removed");
    }
}
