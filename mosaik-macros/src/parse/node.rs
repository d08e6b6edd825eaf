//! `#[mosaik::node]`

use proc_macro2::TokenStream;
use syn::{Expr, FnArg, ext::IdentExt};

use super::{
    Parse,
    args::{Arg, Args, Value},
    item::{self, Function},
    keys, proof, value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, Node, Parameter, Place, Spanned, cfgs, shown},
};

const REACHES: &[(&str, &str)] = &[("host", "Host"), ("lan", "Lan"), ("internet", "Internet")];

impl Parse for Node {
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::NODE, diags);
        let kind = item::kind(&item);
        if kind.words != "a function" {
            diags.push(catalog::not_a_function(kind.place, kind.words));
            return None;
        }
        let Function { attributes, visibility, signature, body } =
            diags.take(item::function(item).map_err(Into::into))?;
        let mut text = |name: &str| args.take(name).and_then(|arg| diags.take(value::text(&arg)));
        let ident = &signature.ident;
        let by_default = if ident == "main" { context.program.clone() } else { ident.unraw().to_string() };
        let name = text("name").unwrap_or_else(|| Spanned::new(by_default, ident.span()));
        let network = text("network").unwrap_or_else(|| Spanned::new(context.package.clone(), ident.span()));
        Some(Self {
            name,
            network,
            tags: args.take("tags").and_then(|arg| diags.take(tags(&arg))).unwrap_or_default(),
            proves: args.take("proves").and_then(|arg| diags.take(proof::proves(&arg))).unwrap_or_default(),
            reach: args
                .take("reach")
                .and_then(|arg| diags.take(value::choice(&arg, REACHES)))
                .unwrap_or("Host"),
            parameters: signature.inputs.iter().filter_map(parameter).collect(),
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

fn parameter(input: &FnArg) -> Option<Parameter> {
    match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(Parameter {
            cfgs: cfgs(&typed.attrs),
            pattern: (*typed.pat).clone(),
            ty: (*typed.ty).clone(),
        }),
    }
}

/// `["a", "b"]` or `"a"`
fn tags(arg: &Arg) -> Result<Vec<Spanned<String>>, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) => shown(tokens),
        _ => "sensor".to_owned(),
    };
    let wrong = |place: Place| {
        let bare = |c: char| c.is_alphanumeric() || "-_".contains(c);
        let words: Vec<_> = given.split(|c| !bare(c)).filter(|word| !word.is_empty()).collect();
        let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
        catalog::tags_without_quotes(place, &format!("[{}]", quoted.join(", ")))
    };
    let expr = value::expression(arg).ok_or_else(|| wrong(arg.place()))?;
    match &expr {
        Expr::Array(list) => {
            list.elems.iter().map(|tag| value::text_of(tag).ok_or_else(|| wrong(Place::of(tag)))).collect()
        }
        _ => value::text_of(&expr).map(|tag| vec![tag]).ok_or_else(|| wrong(arg.place())),
    }
}
