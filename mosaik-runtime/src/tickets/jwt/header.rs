//! A compact token, split: header, claims and signature, and the bytes that are signed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{Algorithm, MAX_TOKEN, TokenError};

/// The longest `kid`, in bytes.
const MAX_KID: usize = 256;

/// A token's parts. Nothing of it is believed yet.
pub(super) struct Parts<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    /// What the signature is over.
    pub(super) signed: &'a [u8],
    pub(super) claims: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

/// What of a header matters. A name that comes twice is an error of serde's.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
    #[serde(default, deserialize_with = "present")]
    enc: bool,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Takes a token apart.
pub(super) fn split(token: &[u8]) -> Result<Parts<'_>, TokenError> {
    let malformed = |why: &str| TokenError::Malformed(why.to_owned());
    if token.len() > MAX_TOKEN {
        return Err(TokenError::TooLarge { size: token.len() });
    }
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').take(6).collect();
    let [header, claims, signature] = parts[..] else {
        return Err(match parts.len() {
            5 => TokenError::Encrypted,
            _ => malformed("it is not three parts with a dot between them"),
        });
    };
    let decode = |part: &[u8], name: &str| {
        let decoded = URL_SAFE_NO_PAD.decode(part);
        decoded.map_err(|_| malformed(&format!("its {name} is not base64url without padding")))
    };
    let header: Header = serde_json::from_slice(&decode(header, "header")?)
        .map_err(|_| malformed("its header is not a JSON object with `alg`, each name once"))?;
    let algorithm = check(&header)?;
    let signature_at = token.len() - signature.len();
    Ok(Parts {
        algorithm,
        kid: header.kid,
        signed: &token[..signature_at - 1],
        claims: decode(claims, "middle part")?,
        signature: decode(signature, "signature")?,
    })
}

fn check(header: &Header) -> Result<Algorithm, TokenError> {
    let refused = [("crit", header.crit), ("b64", header.b64), ("enc", header.enc), ("zip", header.zip)];
    if let Some((name, _)) = refused.into_iter().find(|(_, there)| *there) {
        return Err(TokenError::Header(name));
    }
    let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    if !matches!(typ.as_str(), "jwt" | "at+jwt" | "application/at+jwt") {
        return Err(TokenError::Header("typ"));
    }
    if header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
        return Err(TokenError::Header("kid"));
    }
    Algorithm::from_name(&header.alg).ok_or(TokenError::Algorithm)
}
