//! What a proof must be.

use super::Check;
use crate::{
    diag::{Diags, catalog},
    model::{Proof, ProofKind},
};

impl Check for Proof {
    fn check(&self, diags: &mut Diags) {
        if let Some(what) = self.not_a_unit {
            diags.push(catalog::not_a_proof(self.place, what));
        }
        match &self.kind {
            // What was said and not understood has been reported.
            ProofKind::Unsaid if diags.is_empty() => {
                diags.push(catalog::no_kind_of_proof(self.place, &self.item.ident.to_string()));
            }
            ProofKind::Jwt { word, keys: None, .. } if diags.is_empty() => {
                diags.push(catalog::proof_without_file(*word, "jwt", "keys = file(\"desk.jwks\")"));
            }
            ProofKind::Tdx { word, measurements: None, .. } if diags.is_empty() => {
                let form = "measurements = file(\"matcher.measurements\")";
                diags.push(catalog::proof_without_file(*word, "tdx", form));
            }
            _ => {}
        }
    }
}
