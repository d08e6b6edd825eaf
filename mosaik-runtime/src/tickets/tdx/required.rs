//! What is required of a quote.

use std::time::Duration;

use dcap_qvl::{QuotePolicy, TcbStatus};

use super::{Measurement, Variants, simulated};

/// The root certificate of Intel's attestation service (Intel SGX Root CA), in DER.
const INTEL_ROOT: &[u8] = include_bytes!("intel_root.der");

/// Who is trusted to say which platforms are genuine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// Intel, by the root certificate that is pinned in this program.
    Intel,
    /// The simulated platform of this seed: proves nothing, for development and tests.
    Simulated(u64),
}

impl Root {
    /// The certificate, in DER.
    pub(super) fn certificate(&self) -> Vec<u8> {
        match self {
            Self::Intel => INTEL_ROOT.to_vec(),
            Self::Simulated(seed) => simulated::root_certificate(*seed),
        }
    }
}

/// What is required of a quote. Debug domains, domains that can be migrated and those that other domains serve are always refused.
#[derive(Debug, Clone)]
pub struct Required {
    pub(super) root: Root,
    pub(super) variants: Variants,
    pub(super) max_age: Duration,
    pub(super) challenge: Option<Duration>,
    pub(super) firmware: Option<Measurement>,
    pub(super) statuses: Vec<TcbStatus>,
    pub(super) attributes: Option<[u8; 8]>,
    pub(super) least_evaluation: u32,
    pub(super) refused_advisories: Vec<String>,
}

impl Required {
    /// One of these images on a genuine platform that is up to date, quoted within the last 24 hours.
    pub fn new(variants: Variants) -> Self {
        Self {
            root: Root::Intel,
            variants,
            max_age: Duration::from_secs(24 * 3600),
            challenge: None,
            firmware: None,
            statuses: vec![TcbStatus::UpToDate],
            attributes: None,
            least_evaluation: 0,
            refused_advisories: Vec::new(),
        }
    }

    /// Trusts this root instead of Intel's.
    #[must_use]
    pub fn root(mut self, root: Root) -> Self {
        self.root = root;
        self
    }

    /// A quote proves something for this long after it was made; 24 h by default.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// A quote in a ticket is not enough: the peer is asked for one over a nonce as well, which counts for so long. It is asked again
    /// when three quarters of that are over.
    #[must_use]
    pub fn challenged(mut self, counts_for: Duration) -> Self {
        self.challenge = Some(counts_for);
        self
    }

    /// The firmware (MRTD) must be this, whatever the variants say.
    #[must_use]
    pub fn firmware(mut self, mrtd: Measurement) -> Self {
        self.firmware = Some(mrtd);
        self
    }

    /// Accepts platforms of this status, too. `Revoked` is never accepted, and `OutOfDate` not by default.
    #[must_use]
    pub fn accept(mut self, status: TcbStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// The domain's attributes must be exactly these.
    #[must_use]
    pub fn attributes(mut self, attributes: [u8; 8]) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// Refuses collateral whose `tcbEvaluationDataNumber` is smaller, so that nobody shows an older one that is still in date.
    #[must_use]
    pub fn least_evaluation(mut self, number: u32) -> Self {
        self.least_evaluation = number;
        self
    }

    /// Refuses platforms to which this advisory of Intel's applies.
    #[must_use]
    pub fn refuse_advisory(mut self, id: impl Into<String>) -> Self {
        self.refused_advisories.push(id.into());
        self
    }

    /// The same, as the verifier of quotes reads it.
    pub(super) fn policy(&self, now: u64) -> QuotePolicy {
        // Out-of-date platforms have a time of grace of their own; whoever accepts the status accepts it without one.
        let ever = Duration::from_secs(u64::from(u32::MAX));
        let policy = QuotePolicy::strict(now)
            .platform_grace_period(ever)
            .qe_grace_period(ever)
            .allow_dynamic_platform(true)
            .allow_cached_keys(true)
            .allow_smt(true)
            .min_tcb_eval_data_number(self.least_evaluation)
            .reject_advisories(&self.refused_advisories);
        self.statuses.iter().fold(policy, |policy, status| policy.allow_status(*status))
    }
}
