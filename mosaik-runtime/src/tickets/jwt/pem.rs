//! Keys in PEM, as OpenSSL writes them.

use ed25519_dalek::{SigningKey as Ed25519Private, VerifyingKey as Ed25519};
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, Document, SecretDocument};

use super::{
    KeyError,
    key::Material,
    signer::{Private, Signer},
};

/// The 12 bytes before the 32 of an Ed25519 public key (RFC 8410).
const ED25519_PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The 16 bytes before the 32 of an Ed25519 private key.
const ED25519_PRIVATE: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Reads a public key.
pub(super) fn public(text: &str) -> Result<Material, KeyError> {
    match label(text)? {
        "PUBLIC KEY" => {}
        "PRIVATE KEY" | "EC PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Private),
        other => return Err(unexpected(other)),
    }
    let (_, document) = Document::from_pem(text.trim()).map_err(|error| broken(&error))?;
    let der = document.as_bytes();
    if let Some(bytes) = der.strip_prefix(&ED25519_PUBLIC) {
        let key = bytes.try_into().ok().and_then(|bytes| Ed25519::from_bytes(bytes).ok());
        return key.filter(|key| !key.is_weak()).map(Material::EdDsa).ok_or_else(no_point);
    }
    if let Ok(key) = p256::PublicKey::from_public_key_der(der) {
        return Ok(Material::Es256(key.into()));
    }
    if let Ok(key) = p384::PublicKey::from_public_key_der(der) {
        return Ok(Material::Es384(key.into()));
    }
    if let Ok(key) = p521::PublicKey::from_public_key_der(der) {
        return Ok(Material::Es512(key.into()));
    }
    if let Ok(key) = k256::PublicKey::from_public_key_der(der) {
        return Ok(Material::Es256K(key.into()));
    }
    Err(KeyError::Unsupported("this kind of public key".to_owned()))
}

/// Reads a private key.
pub(super) fn private(text: &str) -> Result<Signer, KeyError> {
    match label(text)? {
        "PRIVATE KEY" => {}
        "PUBLIC KEY" => return Err(KeyError::Public),
        other => return Err(unexpected(other)),
    }
    let (_, document) = SecretDocument::from_pem(text.trim()).map_err(|error| broken(&error))?;
    let der = document.as_bytes();
    if let Some(bytes) = der.strip_prefix(&ED25519_PRIVATE) {
        let seed: [u8; 32] = bytes.try_into().map_err(|_| no_point())?;
        return Ok(Signer::of(Private::EdDsa(Ed25519Private::from_bytes(&seed))));
    }
    if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
        return Ok(Signer::of(Private::Es256(key.into())));
    }
    if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
        return Ok(Signer::of(Private::Es384(key.into())));
    }
    if let Ok(key) = p521::SecretKey::from_pkcs8_der(der) {
        return Ok(Signer::of(Private::Es512(key.into())));
    }
    if let Ok(key) = k256::SecretKey::from_pkcs8_der(der) {
        return Ok(Signer::of(Private::Es256K(key.into())));
    }
    Err(KeyError::Unsupported("this kind of private key".to_owned()))
}

/// What a PEM text says that it holds.
fn label(text: &str) -> Result<&str, KeyError> {
    let inside = text.trim().strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
    let (label, rest) = inside.ok_or_else(|| KeyError::Unreadable("it is not PEM".to_owned()))?;
    if rest.contains("-----BEGIN ") {
        return Err(KeyError::Unreadable("it holds several keys, and one is expected here".to_owned()));
    }
    Ok(label)
}

fn unexpected(label: &str) -> KeyError {
    KeyError::Unsupported(match label {
        "CERTIFICATE" => "a certificate (its key: `openssl x509 -in CERT -pubkey -noout`)".to_owned(),
        "EC PRIVATE KEY" => {
            "`EC PRIVATE KEY` (convert it: `openssl pkcs8 -topk8 -nocrypt -in KEY`)".to_owned()
        }
        "ENCRYPTED PRIVATE KEY" => {
            "an encrypted key (convert it: `openssl pkcs8 -nocrypt -in KEY`)".to_owned()
        }
        _ => "this kind of PEM".to_owned(),
    })
}

fn broken(error: &dyn std::fmt::Display) -> KeyError {
    KeyError::Unreadable(format!("broken PEM: {error}"))
}

fn no_point() -> KeyError {
    KeyError::Unreadable("its bytes are not a key".to_owned())
}
