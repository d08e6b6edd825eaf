//! Keys as JSON (RFC 7517), and the bytes that they hold.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey as Ed25519Private, VerifyingKey as Ed25519};
use serde::Deserialize;

use super::{
    Algorithm, Key, KeyError,
    key::Material,
    signer::{Private, Signer},
};

/// A JWK. A name that comes twice is an error of serde's.
#[derive(Deserialize)]
pub(super) struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    x: Option<String>,
    y: Option<String>,
    d: Option<String>,
    k: Option<String>,
}

/// Reads one key that checks tokens.
pub(super) fn one(text: &str) -> Result<Key, KeyError> {
    parse(text)?.checking()
}

/// Reads one key that makes tokens.
pub(super) fn private(text: &str) -> Result<Signer, KeyError> {
    parse(text)?.making()
}

fn parse(text: &str) -> Result<Jwk, KeyError> {
    serde_json::from_str(text).map_err(|error| {
        // The place alone: the text of the error may show a part of the key.
        KeyError::Unreadable(format!("it is not a JWK (line {}, column {})", error.line(), error.column()))
    })
}

impl Jwk {
    /// The key, to check tokens with.
    pub(super) fn checking(self) -> Result<Key, KeyError> {
        self.for_signatures("verify")?;
        let algorithm = self.algorithm()?;
        if algorithm.least_secret().is_some() {
            let secret = Material::secret(algorithm, &self.bytes("k", self.k.as_ref())?)?;
            return Ok(Key::of(self.kid, secret));
        }
        if self.d.is_some() {
            return Err(KeyError::Private);
        }
        let material = self.public(algorithm)?;
        Ok(Key::of(self.kid, material))
    }

    /// The key, to make tokens with.
    fn making(self) -> Result<Signer, KeyError> {
        self.for_signatures("sign")?;
        let algorithm = self.algorithm()?;
        if algorithm.least_secret().is_some() {
            let secret = Material::secret(algorithm, &self.bytes("k", self.k.as_ref())?)?;
            return Ok(Signer::of(Private::Secret(secret)).maybe_named(self.kid));
        }
        if self.d.is_none() {
            return Err(KeyError::Public);
        }
        let d = self.bytes("d", self.d.as_ref())?;
        let broken = |_| not_a_key("d");
        let private = match algorithm {
            Algorithm::Es256 => Private::Es256(p256::ecdsa::SigningKey::from_slice(&d).map_err(broken)?),
            Algorithm::Es384 => Private::Es384(p384::ecdsa::SigningKey::from_slice(&d).map_err(broken)?),
            Algorithm::Es512 => Private::Es512(p521::ecdsa::SigningKey::from_slice(&d).map_err(broken)?),
            Algorithm::Es256K => Private::Es256K(k256::ecdsa::SigningKey::from_slice(&d).map_err(broken)?),
            _ => {
                let seed = d.try_into().map_err(|_| not_a_key("d"))?;
                Private::EdDsa(Ed25519Private::from_bytes(&seed))
            }
        };
        Ok(Signer::of(private).maybe_named(self.kid))
    }

    /// Refuses keys that say that they are for something else.
    fn for_signatures(&self, operation: &str) -> Result<(), KeyError> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(KeyError::NotForSignatures("use"));
        }
        let fits = |operations: &Vec<String>| operations.iter().any(|word| word == operation);
        if self.key_ops.as_ref().is_some_and(|operations| !fits(operations)) {
            return Err(KeyError::NotForSignatures("key_ops"));
        }
        Ok(())
    }

    /// The one algorithm that the key is for: its type says so, and `alg` must agree.
    fn algorithm(&self) -> Result<Algorithm, KeyError> {
        let named = match &self.alg {
            None => None,
            Some(name) => Some(
                Algorithm::from_name(name)
                    .ok_or_else(|| KeyError::Unsupported(format!("the algorithm {:?}", shown(name))))?,
            ),
        };
        let by_type = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("EC", Some("P-384")) => Algorithm::Es384,
            ("EC", Some("P-521")) => Algorithm::Es512,
            ("EC", Some("secp256k1")) => Algorithm::Es256K,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("oct", _) => {
                let secret = named.filter(|algorithm| algorithm.least_secret().is_some());
                return secret.ok_or_else(|| {
                    KeyError::Unreadable("a key of type `oct` needs `alg`: HS256, HS384 or HS512".to_owned())
                });
            }
            (kty, crv) => {
                let crv = crv.map(|crv| format!(" on {:?}", shown(crv))).unwrap_or_default();
                return Err(KeyError::Unsupported(format!("a key of type {:?}{crv}", shown(kty))));
            }
        };
        match named {
            Some(named) if named != by_type => Err(KeyError::Unreadable(format!(
                "its `alg` is {named} and its type is one for {by_type}: a key is for one algorithm"
            ))),
            _ => Ok(by_type),
        }
    }

    fn public(&self, algorithm: Algorithm) -> Result<Material, KeyError> {
        let x = self.bytes("x", self.x.as_ref())?;
        if algorithm == Algorithm::EdDsa {
            let key = x.try_into().ok().and_then(|bytes| Ed25519::from_bytes(&bytes).ok());
            let strong = key.filter(|key| !key.is_weak());
            return strong.map(Material::EdDsa).ok_or_else(|| not_a_key("x"));
        }
        let y = self.bytes("y", self.y.as_ref())?;
        let size = match algorithm {
            Algorithm::Es384 => 48,
            Algorithm::Es512 => 66,
            _ => 32,
        };
        if x.len() != size || y.len() != size {
            return Err(KeyError::Unreadable(format!("its `x` and `y` must have {size} bytes each")));
        }
        let point = [&[4], &x[..], &y[..]].concat();
        let broken = |_| not_a_key("x");
        match algorithm {
            Algorithm::Es384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Material::Es384),
            Algorithm::Es512 => p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Material::Es512),
            Algorithm::Es256K => k256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Material::Es256K),
            _ => p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map(Material::Es256),
        }
        .map_err(broken)
    }

    fn bytes(&self, name: &str, value: Option<&String>) -> Result<Vec<u8>, KeyError> {
        let text = value.ok_or_else(|| KeyError::Unreadable(format!("it has no `{name}`")))?;
        let decoded = URL_SAFE_NO_PAD.decode(text);
        decoded.map_err(|_| KeyError::Unreadable(format!("its `{name}` is not base64url without padding")))
    }
}

fn not_a_key(name: &str) -> KeyError {
    KeyError::Unreadable(format!("its `{name}` is not a key"))
}

/// A short text of bounded length, for messages.
fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}
