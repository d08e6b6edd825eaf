//! The other signature that fits: of an ECDSA signature (r, s), (r, −s) is one as well, and everybody can write it down.
//!
//! Makers of tokens choose either, so both are taken; but they are one ticket, and revoking one revokes both.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Algorithm, header::split};

macro_rules! negated {
    ($curve:ident, $signature:expr) => {{
        let signature = $curve::ecdsa::Signature::from_slice($signature).ok()?;
        let (r, s) = signature.split_scalars();
        $curve::ecdsa::Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).ok()?.to_bytes().to_vec()
    }};
}

/// The same token with the other signature; `None` where there is none.
pub(super) fn twin(token: &[u8]) -> Option<Vec<u8>> {
    let parts = split(token).ok()?;
    let signature = &parts.signature[..];
    let other = match parts.algorithm {
        Algorithm::Es256 => negated!(p256, signature),
        Algorithm::Es384 => negated!(p384, signature),
        Algorithm::Es512 => negated!(p521, signature),
        // The rest have one form alone: see `Material::verifies`.
        Algorithm::Es256K | Algorithm::EdDsa | Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
            return None;
        }
    };
    Some([parts.signed, b".", URL_SAFE_NO_PAD.encode(other).as_bytes()].concat())
}
