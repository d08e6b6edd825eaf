//! A simulated platform: its quotes, and the collateral about it.

use std::time::Duration;

use dcap_qvl::{QuoteCollateralV3, TcbStatus};
use rcgen::Error;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    super::{Collateral, ProveError, Quoter, ReportData, Root, Variant, measurements::Measurement},
    pki::{CPU_SVN, FMSPC, PCE_SVN, Pki},
};
use crate::primitives::{Wall, ids::hex};

/// What Intel's quoting enclaves say of their maker; the verifier asks for it.
const VENDOR: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// Who signed the simulated quoting enclave.
const QE_SIGNER: [u8; 32] = *b"mosaik simulated quoting enclave";
/// Its product, and its security version.
const QE_PRODUCT: u16 = 2;
const QE_SVN: u16 = 4;
/// Its attributes: initialised, with a provisioning key.
const QE_ATTRIBUTES: u8 = 0x11;
/// The versions of the simulated TDX module.
const TEE_TCB_SVN: [u8; 16] = [5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Attributes of an ordinary domain: page faults are not turned into exceptions.
const ATTRIBUTES: [u8; 8] = [0, 0, 0, 0x10, 0, 0, 0, 0];

/// A simulated trust domain: what would be measured of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Td {
    /// The initial contents.
    pub mrtd: Measurement,
    /// What was measured while it ran.
    pub rtmr: [Measurement; 4],
    /// What its owner configured.
    pub mrconfigid: Measurement,
    /// Its attributes; bit 0 is debug.
    pub attributes: [u8; 8],
}

impl Td {
    /// A domain whose measurements follow from the name of an image.
    pub fn image(name: &str) -> Self {
        let of = |register: &str| {
            let mut bytes = [0; 48];
            let mut hasher = blake3::Hasher::new_derive_key("mosaik 1 simulated measurement");
            hasher.update(register.as_bytes()).update(&[0]).update(name.as_bytes());
            hasher.finalize_xof().fill(&mut bytes);
            Measurement(bytes)
        };
        Self {
            mrtd: of("mrtd"),
            rtmr: ["rtmr0", "rtmr1", "rtmr2", "rtmr3"].map(of),
            mrconfigid: Measurement([0; 48]),
            attributes: ATTRIBUTES,
        }
    }

    /// The variant that accepts this domain and no other.
    pub fn variant(&self, name: impl Into<String>) -> Variant {
        Variant {
            rtmr: self.rtmr.map(Some),
            mrconfigid: Some(self.mrconfigid),
            ..Variant::new(name, self.mrtd)
        }
    }
}

/// A platform that exists in software alone. Everything follows from its seed.
pub struct Platform {
    seed: u64,
    pki: Pki,
    td: Td,
    status: TcbStatus,
    revoked: bool,
}

impl Platform {
    /// The platform of this seed, on which `td` runs.
    pub fn new(seed: u64, td: Td) -> Result<Self, ProveError> {
        let pki = Pki::new(seed).map_err(told)?;
        Ok(Self { seed, pki, td, status: TcbStatus::UpToDate, revoked: false })
    }

    /// The root to trust for quotes of this platform.
    pub const fn root(&self) -> Root {
        Root::Simulated(self.seed)
    }

    /// What the collateral says of the platform's status.
    #[must_use]
    pub fn status(mut self, status: TcbStatus) -> Self {
        self.status = status;
        self
    }

    /// Whether the collateral says that the platform's certificate was revoked.
    #[must_use]
    pub fn revoked(mut self, revoked: bool) -> Self {
        self.revoked = revoked;
        self
    }

    /// Collateral that was made at `now`, and is good for so long.
    pub fn collateral(&self, now: Wall, good_for: Duration) -> Result<Collateral, ProveError> {
        let (from, to) = (now.0 / 1000, now.0 / 1000 + good_for.as_secs());
        let (root_ca_crl, pck_crl) = self.pki.revoked(from, to, self.revoked).map_err(told)?;
        let (tcb_info, qe_identity) =
            (self.tcb_info(from, to).to_string(), qe_identity(from, to).to_string());
        let (signer, certificate) = &self.pki.signer;
        let chain = self.pki.chain(certificate, false);
        let json = serde_json::to_vec(&QuoteCollateralV3 {
            pck_crl_issuer_chain: self.pki.ca_chain(),
            root_ca_crl,
            pck_crl,
            tcb_info_issuer_chain: chain.clone(),
            tcb_info_signature: signer.sign_raw(tcb_info.as_bytes()).to_vec(),
            tcb_info,
            qe_identity_issuer_chain: chain,
            qe_identity_signature: signer.sign_raw(qe_identity.as_bytes()).to_vec(),
            qe_identity,
            pck_certificate_chain: None,
        });
        let json = json.map_err(|error| ProveError::Simulated(error.to_string()))?;
        Collateral::from_json(&json).map_err(|error| ProveError::Simulated(error.to_string()))
    }

    fn tcb_info(&self, from: u64, to: u64) -> Value {
        let svn = |versions: &[u8; 16]| versions.iter().map(|svn| json!({ "svn": svn })).collect::<Vec<_>>();
        json!({
            "id": "TDX",
            "version": 3,
            "issueDate": date(from),
            "nextUpdate": date(to),
            "fmspc": hex(&FMSPC).to_ascii_uppercase(),
            "pceId": "0000",
            "tcbType": 0,
            "tcbEvaluationDataNumber": 1,
            "tdxModule": {
                "mrsigner": "00".repeat(48),
                "attributes": "00".repeat(8),
                "attributesMask": "FF".repeat(8),
            },
            "tcbLevels": [{
                "tcb": {
                    "sgxtcbcomponents": svn(&CPU_SVN),
                    "pcesvn": PCE_SVN,
                    "tdxtcbcomponents": svn(&TEE_TCB_SVN),
                },
                "tcbDate": "2024-01-01T00:00:00Z",
                "tcbStatus": self.status.to_string(),
            }],
        })
    }

    /// Header and report: what the attestation key signs.
    fn signed(&self, data: &ReportData) -> Vec<u8> {
        let td = &self.td;
        let header = [
            &4u16.to_le_bytes()[..],
            &2u16.to_le_bytes(),
            &0x81u32.to_le_bytes(),
            &[0; 4],
            &VENDOR,
            &[0; 20],
        ];
        let module = [&TEE_TCB_SVN[..], &[0; 48], &[0; 48], &[0; 8]];
        let domain = [&td.attributes[..], &[0; 8], &td.mrtd.0, &td.mrconfigid.0, &[0; 48], &[0; 48]];
        let [a, b, c, d] = &td.rtmr;
        [header.concat(), module.concat(), domain.concat(), [a.0, b.0, c.0, d.0].concat(), data.to_vec()]
            .concat()
    }

    /// The quoting enclave's report, which vouches for the attestation key.
    fn qe_report(&self, auth: &[u8; 32]) -> Vec<u8> {
        let vouched = Sha256::digest([self.pki.attestation.public_raw(), auth].concat());
        let mut attributes = [0; 16];
        attributes[0] = QE_ATTRIBUTES;
        let parts = [
            &CPU_SVN[..],
            &[0; 4 + 28],
            &attributes,
            &[0; 32 + 32],
            &QE_SIGNER,
            &[0; 96],
            &QE_PRODUCT.to_le_bytes(),
            &QE_SVN.to_le_bytes(),
            &[0; 60],
            &vouched,
            &[0; 32],
        ];
        parts.concat()
    }
}

impl Quoter for Platform {
    fn quote(&self, data: &ReportData) -> Result<Vec<u8>, ProveError> {
        let auth = [7; 32];
        let signed = self.signed(data);
        let report = self.qe_report(&auth);
        let (pck, certificate) = &self.pki.pck;
        let chain = self.pki.chain(certificate, true).into_bytes();
        let certified =
            [&report[..], &pck.sign_raw(&report), &sized16(&auth), &5u16.to_le_bytes(), &sized32(&chain)];
        let attestation = &self.pki.attestation;
        let auth_data = [
            &attestation.sign_raw(&signed)[..],
            attestation.public_raw(),
            &6u16.to_le_bytes(),
            &sized32(&certified.concat()),
        ];
        Ok([signed, sized32(&auth_data.concat())].concat())
    }
}

/// Bytes behind their length. What is put behind one here is a few thousand bytes long.
fn sized32(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
}

fn sized16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_le_bytes()[..], bytes].concat()
}

fn qe_identity(from: u64, to: u64) -> Value {
    json!({
        "id": "TD_QE",
        "version": 2,
        "issueDate": date(from),
        "nextUpdate": date(to),
        "tcbEvaluationDataNumber": 1,
        "miscselect": "00000000",
        "miscselectMask": "FFFFFFFF",
        "attributes": format!("{QE_ATTRIBUTES:02X}{}", "00".repeat(15)),
        "attributesMask": "FB".to_owned() + &"FF".repeat(7) + &"00".repeat(8),
        "mrsigner": hex(&QE_SIGNER).to_ascii_uppercase(),
        "isvprodid": QE_PRODUCT,
        "tcbLevels": [{
            "tcb": { "isvsvn": QE_SVN },
            "tcbDate": "2024-01-01T00:00:00Z",
            "tcbStatus": "UpToDate",
        }],
    })
}

/// Seconds since 1970 as text, by the calendar that repeats every 400 years.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Counted from 1 March of the year 0, so that the day that leap years add comes last.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn told(error: Error) -> ProveError {
    ProveError::Simulated(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(date(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
