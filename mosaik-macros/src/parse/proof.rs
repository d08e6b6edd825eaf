//! `#[proof]`

use proc_macro2::{TokenStream, TokenTree};
use syn::{DeriveInput, Expr, Fields, Path};

use super::{
    Parse,
    args::{Arg, Args, Value},
    item, keys, value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, Place, Proof, ProofKind, Spanned, shown},
};

impl Parse for Proof {
    fn parse(args: TokenStream, item: TokenStream, _: &Context, diags: &mut Diags) -> Option<Self> {
        let kind = item::kind(&item);
        if kind.words != "a struct" {
            diags.push(catalog::not_a_proof(kind.place, kind.words));
            return None;
        }
        let item: DeriveInput = diags.take(syn::parse2(item).map_err(Into::into))?;
        let not_a_unit = match &item.data {
            syn::Data::Struct(data) if !matches!(data.fields, Fields::Unit) => Some("a struct with fields"),
            _ if !item.generics.params.is_empty() => Some("a generic struct"),
            _ => None,
        };
        Some(Self { place: Place::of(&item.ident), not_a_unit, kind: read(args, diags), item })
    }
}

/// Whose platforms are genuine, and whether that is the simulated one.
const PLATFORMS: &[(&str, bool)] = &[("intel", false), ("simulated", true)];

/// The algorithms of tokens.
const ALGORITHMS: &[(&str, &str)] = &[
    ("ES256", "ES256"),
    ("ES256K", "ES256K"),
    ("ES384", "ES384"),
    ("ES512", "ES512"),
    ("EdDSA", "EdDSA"),
    ("HS256", "HS256"),
    ("HS384", "HS384"),
    ("HS512", "HS512"),
];

/// The word or path that stands first, then the options of that kind.
fn read(args: TokenStream, diags: &mut Diags) -> ProofKind {
    let mut tokens = args.clone().into_iter();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
    let first: TokenStream = tokens.by_ref().take_while(|token| !is_comma(token)).collect();
    let rest: TokenStream = tokens.collect();
    let word = Place::of(&first);
    match shown(&first).as_str() {
        "jwt" => {
            let mut args = Args::read(rest, &keys::PROOF_JWT, diags);
            ProofKind::Jwt {
                word,
                keys: file(&mut args, "keys", diags),
                issuers: args.take("issuer").and_then(|arg| diags.take(texts(&arg))).unwrap_or_default(),
                algorithm: args.take("algorithm").and_then(|arg| diags.take(value::choice(&arg, ALGORITHMS))),
                audience: args.take("audience").and_then(|arg| diags.take(value::text(&arg))),
                max_lifetime: duration(&mut args, "max_lifetime", diags),
                max_age: duration(&mut args, "max_age", diags),
            }
        }
        "tdx" => {
            let mut args = Args::read(rest, &keys::PROOF_TDX, diags);
            ProofKind::Tdx {
                word,
                measurements: file(&mut args, "measurements", diags),
                collateral: file(&mut args, "collateral", diags),
                simulated: args
                    .take("platform")
                    .and_then(|arg| diags.take(value::choice(&arg, PLATFORMS)))
                    .unwrap_or_default(),
                max_age: duration(&mut args, "max_age", diags),
                challenge: duration(&mut args, "challenge", diags),
                mrtd: args.take("mrtd").and_then(|arg| diags.take(measurement(&arg))),
            }
        }
        _ => match syn::parse2::<Path>(first.clone()) {
            Ok(path) if is_type(&path) => {
                Args::read(rest, &keys::PROOF_OWN, diags);
                ProofKind::Own(path)
            }
            _ if first.is_empty() => ProofKind::Unsaid,
            _ => {
                diags.push(catalog::unknown_kind_of_proof(word, &shown(&first)));
                ProofKind::Unsaid
            }
        },
    }
}

/// Whether a path is spelled as types are.
pub(super) fn is_type(path: &Path) -> bool {
    let last = path.segments.last().map(|last| last.ident.to_string());
    last.is_some_and(|last| last.starts_with(char::is_uppercase))
}

/// `file("desk.jwks")`
fn file(args: &mut Args, name: &str, diags: &mut Diags) -> Option<Spanned<String>> {
    let arg = args.take(name)?;
    let wrong = || catalog::not_a_file(arg.place(), arg.key.name, arg.key.form);
    let expr = value::expression(&arg).ok_or_else(wrong);
    diags.take(expr.and_then(|expr| value::call_with_text("file", &expr).map_err(|_| wrong())))
}

/// `"desk"` or `["desk", "bank"]`
fn texts(arg: &Arg) -> Result<Vec<Spanned<String>>, Diag> {
    match value::expression(arg) {
        Some(Expr::Array(list)) => {
            let text = |expr: &Expr| {
                value::text_of(expr)
                    .ok_or_else(|| catalog::text_expected(Place::of(expr), arg.key.name, arg.key.form))
            };
            list.elems.iter().map(text).collect()
        }
        _ => value::text(arg).map(|text| vec![text]),
    }
}

/// `hex("…")`, of 48 bytes.
fn measurement(arg: &Arg) -> Result<String, Diag> {
    let expr = value::expression(arg).ok_or_else(|| catalog::not_a_measurement(arg.place(), 0))?;
    let text = value::call_with_text("hex", &expr).map_err(|place| catalog::not_a_measurement(place, 0))?;
    let is_one = text.value.len() == 96 && text.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_one { Ok(text.value) } else { Err(catalog::not_a_measurement(text.place, text.value.len())) }
}

fn duration(args: &mut Args, name: &str, diags: &mut Diags) -> Option<u64> {
    let arg = args.take(name)?;
    diags.take(value::text(&arg).and_then(|text| value::long(&text)))
}

/// `MatcherImage` or `[DeskTicket, MatcherImage]`
pub(super) fn proves(arg: &Arg) -> Result<Vec<Path>, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) | Value::List(tokens) => shown(tokens),
        Value::Flag => String::new(),
    };
    let wrong = |place: Place| catalog::not_proofs(place, &given);
    let one = |expr: &Expr| match expr {
        Expr::Path(path) if is_type(&path.path) => Ok(path.path.clone()),
        other => Err(wrong(Place::of(other))),
    };
    match value::expression(arg).ok_or_else(|| wrong(arg.place()))? {
        Expr::Array(list) => list.elems.iter().map(one).collect(),
        expr => one(&expr).map(|path| vec![path]),
    }
}
