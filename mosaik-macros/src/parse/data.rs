//! `#[mosaik::data]`, and the type of every item that carries data.

use proc_macro2::TokenStream;
use syn::{Attribute, DeriveInput, Fields, Meta, Path, Token, punctuated::Punctuated};

use super::{
    Parse,
    args::{Arg, Args},
    item,
    keys::{self, Site},
    value,
};
use crate::{
    diag::{Diags, catalog},
    model::{Body, Context, Data, Field, Place, Serde, SerdeKey, Spanned, Variant, cfgs},
};

impl Parse for Data {
    fn parse(args: TokenStream, item: TokenStream, _: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::DATA, diags);
        read(&mut args, item, &keys::DATA, diags)
    }
}

/// Reads the item, and the options that every item with data has.
pub(crate) fn read(args: &mut Args, item: TokenStream, site: &Site, diags: &mut Diags) -> Option<Data> {
    let kind = item::kind(&item);
    if !matches!(kind.words, "a struct" | "an enum") {
        diags.push(catalog::not_a_type(kind.place, site.shown, kind.words));
        return None;
    }
    let mut item: DeriveInput = diags.take(syn::parse2(item).map_err(Into::into))?;
    let schema = args.take("schema").and_then(|arg| diags.take(value::text(&arg)));
    let own = args.take("serde").and_then(|arg| diags.take(value::choice(&arg, &[("own", Serde::Own)])));
    let siblings = take_siblings(&mut item.attrs);
    let mut misplaced = take_ours(&mut item.attrs);
    let mut serde_keys = serde_keys(&item.attrs);
    let body = match &mut item.data {
        syn::Data::Struct(data) => Body::Struct(fields(&mut data.fields, diags)),
        syn::Data::Enum(data) => {
            for variant in &mut data.variants {
                misplaced.extend(take_ours(&mut variant.attrs));
                serde_keys.extend(self::serde_keys(&variant.attrs));
            }
            Body::Enum(data.variants.iter_mut().map(|variant| variant_of(variant, diags)).collect())
        }
        syn::Data::Union(_) => return None,
    };
    Some(Data {
        attribute: site.shown,
        body,
        schema,
        serde: own.unwrap_or(Serde::Derived),
        serde_keys,
        serde_derives: serde_derives(&item.attrs),
        siblings,
        misplaced: misplaced.iter().map(Place::of).collect(),
        item,
    })
}

fn variant_of(variant: &mut syn::Variant, diags: &mut Diags) -> Variant {
    Variant {
        name: variant.ident.to_string(),
        cfgs: cfgs(&variant.attrs),
        fields: fields(&mut variant.fields, diags),
    }
}

fn fields(fields: &mut Fields, diags: &mut Diags) -> Vec<Field> {
    let numbered = fields.iter_mut().enumerate();
    let fields = numbered.map(|(at, field)| {
        let name = field.ident.as_ref().map_or_else(|| at.to_string(), |name| name.to_string());
        let schema = take_ours(&mut field.attrs).iter().filter_map(|ours| label(ours, diags)).last();
        Field {
            name: name.trim_start_matches("r#").to_owned(),
            ty: field.ty.clone(),
            cfgs: cfgs(&field.attrs),
            schema,
            serde_keys: serde_keys(&field.attrs),
        }
    });
    fields.collect()
}

/// `#[mosaik(schema = "name.v1")]`
fn label(ours: &Attribute, diags: &mut Diags) -> Option<Spanned<String>> {
    let tokens = match &ours.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let before = diags.is_empty();
    let mut args = Args::read(tokens, &keys::FIELD, diags);
    let arg: Option<Arg> = args.take("schema");
    if arg.is_none() && before && diags.is_empty() {
        diags.push(catalog::option_without_value(
            Place::of(ours.path()),
            "mosaik",
            "#[mosaik(schema = \"name.v1\")]",
        ));
    }
    arg.and_then(|arg| diags.take(value::text(&arg)))
}

/// Removes `#[mosaik(..)]`, which no compiler knows.
fn take_ours(attributes: &mut Vec<Attribute>) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| attribute.path().is_ident("mosaik")).collect()
}

/// Removes `#[stream]`, `#[group]` and `#[mosaik::data]` below this attribute.
fn take_siblings(attributes: &mut Vec<Attribute>) -> Vec<Spanned<&'static str>> {
    let ours = |attribute: &Attribute| {
        let last = attribute.path().segments.last()?;
        let known =
            [("stream", keys::STREAM.shown), ("data", keys::DATA.shown), ("group", keys::GROUP.shown)];
        known.into_iter().find(|(word, _)| last.ident == word).map(|(_, shown)| shown)
    };
    let siblings: Vec<_> = attributes
        .iter()
        .filter_map(|attribute| Some(Spanned::new(ours(attribute)?, Place::of(attribute.path()))))
        .collect();
    attributes.retain(|attribute| ours(attribute).is_none());
    siblings
}

fn serde_keys(attributes: &[Attribute]) -> Vec<SerdeKey> {
    let mut keys = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        for meta in metas.into_iter().flatten() {
            let Some(last) = meta.path().segments.last() else { continue };
            keys.push(SerdeKey { name: last.ident.to_string(), place: Place::of(meta.path()) });
        }
    }
    keys
}

fn serde_derives(attributes: &[Attribute]) -> Vec<Spanned<String>> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let paths = derives.filter_map(|attribute| {
        attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok()
    });
    paths
        .flatten()
        .filter_map(|path| {
            let name = path.segments.last()?.ident.to_string();
            matches!(name.as_str(), "Serialize" | "Deserialize").then(|| Spanned::new(name, Place::of(&path)))
        })
        .collect()
}
