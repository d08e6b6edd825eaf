//! Sets of keys: rotation with overlap is a set with the old key and the new one.

use serde::Deserialize;

use super::{Algorithm, Key, KeyError, jwk::Jwk};

/// The most keys in a set.
const MAX_KEYS: usize = 64;

/// Keys that check tokens.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

impl KeySet {
    /// A set of these keys, of which no two have the same name and algorithm.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Result<Self, KeyError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(KeyError::NoKey("the set is empty".to_owned()));
        }
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany(MAX_KEYS));
        }
        for (at, key) in keys.iter().enumerate() {
            let same = |other: &Key| other.kid == key.kid && other.algorithm() == key.algorithm();
            if let Some(kid) = &key.kid
                && keys[..at].iter().any(same)
            {
                return Err(KeyError::Twice(kid.chars().take(32).collect()));
            }
        }
        Ok(Self(keys))
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Key] {
        &self.0
    }

    /// Reads keys in any of their clothes: a set of JWK, one JWK, or public keys in PEM, one after the other. In a set, keys of
    /// types that are not supported are left out, as RFC 7517 wants it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with("-----BEGIN") {
            return Self::from_pem(text);
        }
        match serde_json::from_str::<Jwks>(text) {
            Ok(set) => Self::from_jwks(set),
            Err(_) => Self::new([Key::from_jwk(text)?]),
        }
    }

    fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = text.split_inclusive("-----END PUBLIC KEY-----").map(str::trim);
        Self::new(blocks.filter(|block| !block.is_empty()).map(Key::from_pem).collect::<Result<Vec<_>, _>>()?)
    }

    fn from_jwks(set: Jwks) -> Result<Self, KeyError> {
        let (mut keys, mut left_out) = (Vec::new(), String::new());
        if set.keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany(MAX_KEYS));
        }
        for jwk in set.keys {
            match jwk.checking() {
                Ok(key) => keys.push(key),
                Err(error @ (KeyError::Unsupported(_) | KeyError::NotForSignatures(_))) => {
                    left_out = error.to_string();
                }
                Err(error) => return Err(error),
            }
        }
        if keys.is_empty() && !left_out.is_empty() {
            return Err(KeyError::NoKey(left_out));
        }
        Self::new(keys)
    }

    /// The keys for a token of this header: those of its `kid`, else those without a name; always of its algorithm.
    pub(super) fn fitting(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        let named = kid.is_some() && self.0.iter().any(|key| key.kid.as_deref() == kid);
        let wanted = if named { kid } else { None };
        // A token without a name is checked by all keys of its algorithm: a set has few.
        let all = kid.is_none();
        let fits = move |key: &&Key| all || key.kid.as_deref() == wanted;
        self.0.iter().filter(fits).filter(move |key| key.algorithm() == algorithm)
    }

    /// Whether a key of the set is a shared secret.
    pub fn has_secrets(&self) -> bool {
        self.0.iter().any(|key| key.algorithm().least_secret().is_some())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, which only [`default`](Self::default) makes: such a set accepts nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
