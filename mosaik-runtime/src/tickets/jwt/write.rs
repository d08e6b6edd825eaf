//! New keys, and keys as JSON (RFC 7517): for whoever makes tokens.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::{
    Algorithm, Key, KeyError, KeySet,
    key::Material,
    signer::{Private, Signer},
};
use crate::primitives::NodeRng;

/// How often random bytes are tried as a key: of 2³² there is one that is none.
const TRIES: usize = 8;

#[derive(Serialize)]
struct Written<'a> {
    kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'static str>,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<String>,
}

#[derive(Serialize)]
struct Set<'a> {
    keys: Vec<Written<'a>>,
}

impl Signer {
    /// A new key, or for HS256, HS384 and HS512 a new secret.
    ///
    /// # Errors
    ///
    /// When the source of random bytes gives none that are a key.
    pub fn generate(algorithm: Algorithm, rng: &mut NodeRng) -> Result<Self, KeyError> {
        let mut random = |size: usize| {
            let mut bytes = Vec::with_capacity(size + 32);
            while bytes.len() < size {
                bytes.extend(rng.bytes_32());
            }
            bytes.truncate(size);
            bytes
        };
        if let Some(size) = algorithm.least_secret() {
            return Self::secret(algorithm, &random(size));
        }
        for _ in 0..TRIES {
            let private = match algorithm {
                Algorithm::Es384 => p384::ecdsa::SigningKey::from_slice(&random(48)).ok().map(Private::Es384),
                Algorithm::Es512 => {
                    let mut bytes = random(66);
                    // 521 bits of the 528.
                    bytes[0] &= 1;
                    p521::ecdsa::SigningKey::from_slice(&bytes).ok().map(Private::Es512)
                }
                Algorithm::Es256K => {
                    k256::ecdsa::SigningKey::from_slice(&random(32)).ok().map(Private::Es256K)
                }
                Algorithm::EdDsa => {
                    let seed = <[u8; 32]>::try_from(random(32)).ok();
                    seed.map(|seed| Private::EdDsa(ed25519_dalek::SigningKey::from_bytes(&seed)))
                }
                _ => p256::ecdsa::SigningKey::from_slice(&random(32)).ok().map(Private::Es256),
            };
            if let Some(private) = private {
                return Ok(Self::of(private));
            }
        }
        Err(KeyError::NoKey("the source of random bytes gives none".to_owned()))
    }

    /// The private key or the secret as JWK. Whoever has it can make tokens.
    pub fn to_jwk(&self) -> String {
        let key = self.key();
        let mut written = key.written();
        written.d = match &self.private {
            Private::Secret(_) => None,
            Private::Es256(key) => Some(encoded(&key.to_bytes())),
            Private::Es384(key) => Some(encoded(&key.to_bytes())),
            Private::Es512(key) => Some(encoded(&key.to_bytes())),
            Private::Es256K(key) => Some(encoded(&key.to_bytes())),
            Private::EdDsa(key) => Some(encoded(&key.to_bytes())),
        };
        json(&written)
    }
}

impl Key {
    /// The key as JWK: a public one, or the secret itself for HS256, HS384 and HS512.
    pub fn to_jwk(&self) -> String {
        json(&self.written())
    }

    fn written(&self) -> Written<'_> {
        let (kty, crv) = match &self.material {
            Material::Hs256(_) | Material::Hs384(_) | Material::Hs512(_) => ("oct", None),
            Material::Es256(_) => ("EC", Some("P-256")),
            Material::Es384(_) => ("EC", Some("P-384")),
            Material::Es512(_) => ("EC", Some("P-521")),
            Material::Es256K(_) => ("EC", Some("secp256k1")),
            Material::EdDsa(_) => ("OKP", Some("Ed25519")),
        };
        let (alg, kid) = (self.algorithm().name(), self.kid());
        let mut written = Written { kty, crv, alg, usage: "sig", kid, x: None, y: None, d: None, k: None };
        let point = match &self.material {
            Material::Hs256(secret) | Material::Hs384(secret) | Material::Hs512(secret) => {
                written.k = Some(encoded(secret.bytes()));
                return written;
            }
            Material::EdDsa(key) => {
                written.x = Some(encoded(key.as_bytes()));
                return written;
            }
            Material::Es256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Material::Es384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Material::Es512(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Material::Es256K(key) => key.to_sec1_point(false).as_bytes().to_vec(),
        };
        // A byte that says how the point is written, then its two halves.
        let (x, y) = point[1..].split_at(point.len() / 2);
        (written.x, written.y) = (Some(encoded(x)), Some(encoded(y)));
        written
    }
}

impl KeySet {
    /// The set as JSON (`{"keys":[..]}`).
    pub fn to_jwks(&self) -> String {
        json(&Set { keys: self.all().iter().map(Key::written).collect() })
    }
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn json(value: &impl Serialize) -> String {
    // Texts always encode.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{super::Claims, *};

    #[test]
    fn new_keys_of_every_algorithm_are_written_and_read_back() {
        let mut rng = NodeRng::from_seed(7);
        for algorithm in Algorithm::ALL {
            let signer = Signer::generate(algorithm, &mut rng).expect("a key").named("one");
            let again = Signer::from_jwk(&signer.to_jwk()).expect("what was written");
            assert_eq!((again.algorithm(), again.key().kid()), (algorithm, Some("one")));
            let token = again.issue(&Claims::default()).expect("issued");
            let (signed, signature) = token.rsplit_once('.').expect("three parts");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
            for key in [
                Key::from_jwk(&signer.key().to_jwk()).expect("what was written"),
                KeySet::parse(&KeySet::new([signer.key()]).expect("one").to_jwks()).expect("a set").all()[0]
                    .clone(),
            ] {
                assert!(key.material.verifies(signed.as_bytes(), &signature), "{algorithm}");
            }
            let other = Signer::generate(algorithm, &mut rng).expect("a key").key();
            assert!(!other.material.verifies(signed.as_bytes(), &signature), "{algorithm}: another key");
        }
    }
}
