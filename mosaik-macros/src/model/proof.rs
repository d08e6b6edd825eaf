//! A declared proof.

use syn::{DeriveInput, Path};

use super::{Place, Spanned};

/// What `#[proof]` declares.
pub(crate) struct Proof {
    pub(crate) item: DeriveInput,
    /// Where the type's keyword stands.
    pub(crate) place: Place,
    /// What kind of item it is, in words, if it is no unit struct.
    pub(crate) not_a_unit: Option<&'static str>,
    pub(crate) kind: ProofKind,
}

/// Who decides about a proof.
pub(crate) enum ProofKind {
    /// The attribute does not say.
    Unsaid,
    /// `jwt`
    Jwt {
        word: Place,
        keys: Option<Spanned<String>>,
        issuers: Vec<Spanned<String>>,
        audience: Option<Spanned<String>>,
        /// The only algorithm whose keys count.
        algorithm: Option<&'static str>,
        max_lifetime: Option<u64>,
        max_age: Option<u64>,
    },
    /// `tdx`
    Tdx {
        word: Place,
        measurements: Option<Spanned<String>>,
        collateral: Option<Spanned<String>>,
        /// Whether `platform = simulated` stands there.
        simulated: bool,
        max_age: Option<u64>,
        challenge: Option<u64>,
        /// The firmware, as 96 hex digits.
        mrtd: Option<String>,
    },
    /// A validator's path.
    Own(Path),
}
