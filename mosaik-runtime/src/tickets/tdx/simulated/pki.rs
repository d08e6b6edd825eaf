//! The certificates and revocation lists of a simulated platform. Everything follows from the seed.

use std::time::Duration;

use p256::ecdsa::{Signature, SigningKey as P256, signature::Signer};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, CustomExtension,
    DistinguishedName, DnType, Error, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, RevokedCertParams, SerialNumber, SignatureAlgorithm, SigningKey, date_time_ymd,
};

use super::der::{SGX_OID, sgx_extension};

/// A point of time in seconds since 1970, as certificates write it. (Its type belongs to a crate that is not named here.)
macro_rules! date {
    ($seconds:expr) => {
        date_time_ymd(1970, 1, 1) + Duration::from_secs($seconds.min(LAST))
    };
}

/// The last second that is written: in the year 2049.
const LAST: u64 = 2_524_600_000;

/// The serial number of the platform's certificate.
const PCK_SERIAL: u64 = 3;

/// A key that follows from a seed and a purpose. Its signatures are deterministic, too.
#[derive(Clone)]
pub(super) struct Key {
    private: P256,
    public: Vec<u8>,
}

impl Key {
    fn new(seed: u64, purpose: &str) -> Result<Self, Error> {
        let bytes =
            blake3::derive_key(&format!("mosaik 1 simulated platform {purpose}"), &seed.to_be_bytes());
        let private = P256::from_slice(&bytes).map_err(|_| Error::CouldNotParseKeyPair)?;
        let public = private.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Ok(Self { private, public })
    }

    /// A signature as two numbers of 32 bytes each.
    pub(super) fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.private.sign(message);
        signature.to_bytes().into()
    }

    /// The public key: two numbers of 32 bytes each.
    pub(super) fn public_raw(&self) -> &[u8] {
        &self.public[1..]
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: Signature = self.private.sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// The keys and certificates of a platform and of who vouches for it.
pub(super) struct Pki {
    root: (CertificateParams, Key, Certificate),
    ca: (CertificateParams, Key, Certificate),
    pub(super) pck: (Key, Certificate),
    pub(super) signer: (Key, Certificate),
    pub(super) attestation: Key,
}

/// What a platform is, as its certificate says.
pub(super) const PPID: [u8; 16] = *b"mosaik simulated";
/// The security versions of the processor.
pub(super) const CPU_SVN: [u8; 16] = [4; 16];
/// The security version of the provisioning enclave.
pub(super) const PCE_SVN: u8 = 11;
/// The kind of platform: none of Intel's.
pub(super) const FMSPC: [u8; 6] = *b"\xff\xffSIMU";

impl Pki {
    pub(super) fn new(seed: u64) -> Result<Self, Error> {
        let root_params = params("SIMULATED root CA", 1, true);
        let root_key = Key::new(seed, "root")?;
        let root = root_params.self_signed(&root_key)?;
        let by_root = Issuer::from_params(&root_params, &root_key);

        let ca_params = params("SIMULATED PCK Platform CA", 2, true);
        let ca_key = Key::new(seed, "ca")?;
        let ca = ca_params.signed_by(&ca_key, &by_root)?;
        let by_ca = Issuer::from_params(&ca_params, &ca_key);

        let mut pck_params = params("SIMULATED PCK certificate", PCK_SERIAL, false);
        let extension = sgx_extension(&PPID, &CPU_SVN, PCE_SVN, &FMSPC);
        pck_params.custom_extensions.push(CustomExtension::from_oid_content(&SGX_OID, extension));
        let pck_key = Key::new(seed, "pck")?;
        let pck = pck_params.signed_by(&pck_key, &by_ca)?;

        let signer_key = Key::new(seed, "tcb signer")?;
        let signer = params("SIMULATED TCB signing", 4, false).signed_by(&signer_key, &by_root)?;
        drop((by_root, by_ca));
        Ok(Self {
            root: (root_params, root_key, root),
            ca: (ca_params, ca_key, ca),
            pck: (pck_key, pck),
            signer: (signer_key, signer),
            attestation: Key::new(seed, "attestation")?,
        })
    }

    pub(super) fn root(&self) -> &[u8] {
        self.root.2.der()
    }

    /// Certificates in PEM, one after the other, up to the root.
    pub(super) fn chain(&self, of: &Certificate, over_ca: bool) -> String {
        let ca = if over_ca { self.ca.2.pem() } else { String::new() };
        [of.pem(), ca, self.root.2.pem()].concat()
    }

    /// The certificate of who vouches for platforms, and the root's.
    pub(super) fn ca_chain(&self) -> String {
        self.chain(&self.ca.2, false)
    }

    /// The revocation lists of the root and of who vouches for platforms, valid from `from` to `to` in seconds.
    pub(super) fn revoked(&self, from: u64, to: u64, pck: bool) -> Result<(Vec<u8>, Vec<u8>), Error> {
        let list = |issuer: u64, revoked: Vec<RevokedCertParams>| CertificateRevocationListParams {
            this_update: date!(from),
            next_update: date!(to),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: key_id(issuer),
        };
        let of_pck = RevokedCertParams {
            serial_number: SerialNumber::from(PCK_SERIAL),
            revocation_time: date!(from),
            reason_code: None,
            invalidity_date: None,
        };
        let by_root = list(1, Vec::new()).signed_by(&Issuer::from_params(&self.root.0, &self.root.1))?;
        let of_ca = list(2, if pck { vec![of_pck] } else { Vec::new() });
        let by_ca = of_ca.signed_by(&Issuer::from_params(&self.ca.0, &self.ca.1))?;
        Ok((by_root.der().to_vec(), by_ca.der().to_vec()))
    }
}

fn params(name: &str, serial: u64, ca: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, format!("mosaik {name}: proves nothing"));
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.serial_number = Some(SerialNumber::from(serial));
    params.key_identifier_method = key_id(serial);
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    } else {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    params
}

fn key_id(serial: u64) -> KeyIdMethod {
    KeyIdMethod::PreSpecified(serial.to_be_bytes().to_vec())
}
