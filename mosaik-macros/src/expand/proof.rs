//! The descriptor of one proof.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{Expand, group::respanned, paths::Paths, stub::settled};
use crate::{
    model::{Proof, ProofKind, Spanned, cfgs, docs},
    validate::Valid,
};

impl Expand for Proof {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        let declared = declared(valid, kind(valid, paths), paths);
        let built = built(valid, paths);
        quote!(#declared #built)
    }

    /// A proof of something, so that what asks for it is not reported.
    fn stub(&self, paths: &Paths) -> TokenStream {
        let (kind, ty, none) = (paths.proof_kind(), paths.tdx_proof(), quote!(::core::option::Option::None));
        let platform = paths.tdx_platform();
        let unsaid = quote!(#kind::Tdx(#ty { platform: #platform::Intel, measurements: "", collateral: #none, max_age: #none, challenge: #none, mrtd: #none }));
        declared(self, unsaid, paths)
    }
}

fn declared(proof: &Proof, kind: TokenStream, paths: &Paths) -> TokenStream {
    let (item, ident, attributes) = (&proof.item, &proof.item.ident, &proof.item.attrs);
    let (cfgs, docs, source, name) = (cfgs(attributes), docs(attributes), paths.here(), ident.to_string());
    let (trait_, descriptor) = (paths.proof(), paths.proof_descriptor());
    let generics = settled(&item.generics);
    let ((parameters, _, bounds), (_, arguments, _)) =
        (generics.split_for_impl(), item.generics.split_for_impl());
    quote! {
        #[allow(dead_code)]
        #item
        #(#cfgs)*
        #[automatically_derived]
        impl #parameters #trait_ for #ident #arguments #bounds {
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                name: #name,
                path: ::core::concat!(::core::module_path!(), "::", #name),
                kind: #kind,
                docs: #docs,
                source: #source,
            };
        }
    }
}

/// That the program is built with what the proof takes; said at the word that asks for it.
fn built(proof: &Proof, paths: &Paths) -> TokenStream {
    let (word, built) = match &proof.kind {
        ProofKind::Jwt { word, .. } => (word, paths.built_with_jwt()),
        ProofKind::Tdx { word, .. } => (word, paths.built_with_tdx()),
        ProofKind::Unsaid | ProofKind::Own(_) => return TokenStream::new(),
    };
    let (cfgs, built) = (cfgs(&proof.item.attrs), respanned(built, word.start));
    quote_spanned!(word.start=> #(#cfgs)* const _: () = #built();)
}

fn kind(proof: &Proof, paths: &Paths) -> TokenStream {
    let kind = paths.proof_kind();
    let text = |text: &Option<Spanned<String>>| paths.option(text.as_ref().map(|text| &text.value));
    let time = |time: &Option<u64>| paths.option(time.as_ref());
    match &proof.kind {
        ProofKind::Unsaid => TokenStream::new(),
        ProofKind::Jwt { keys, issuers, audience, algorithm, max_lifetime, max_age, .. } => {
            let ty = paths.jwt_proof();
            let keys = keys.as_ref().map_or("", |keys| &keys.value);
            let issuers = issuers.iter().map(|issuer| &issuer.value);
            let (audience, longest, oldest) = (text(audience), time(max_lifetime), time(max_age));
            let algorithm = paths.option(algorithm.as_ref());
            quote! {
                #kind::Jwt(#ty {
                    keys: #keys,
                    issuers: &[#(#issuers),*],
                    audience: #audience,
                    algorithm: #algorithm,
                    max_lifetime: #longest,
                    max_age: #oldest,
                })
            }
        }
        ProofKind::Tdx { measurements, collateral, simulated, max_age, challenge, mrtd, .. } => {
            let (ty, platform) = (paths.tdx_proof(), paths.tdx_platform());
            let platform = if *simulated { quote!(#platform::Simulated) } else { quote!(#platform::Intel) };
            let measurements = measurements.as_ref().map_or("", |file| &file.value);
            let (collateral, oldest, counts) = (text(collateral), time(max_age), time(challenge));
            let mrtd = paths.option(mrtd.as_ref());
            quote! {
                #kind::Tdx(#ty {
                    platform: #platform,
                    measurements: #measurements,
                    collateral: #collateral,
                    max_age: #oldest,
                    challenge: #counts,
                    mrtd: #mrtd,
                })
            }
        }
        ProofKind::Own(path) => {
            let own = paths.own_proof();
            let own = quote_spanned!(path.span()=> #own::<#path>);
            quote!(#kind::Own(#own))
        }
    }
}
