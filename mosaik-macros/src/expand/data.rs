//! The wire form of one struct or enum: serde derives, and its shape.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Generics, parse_quote, spanned::Spanned};

use super::{Expand, paths::Paths, stub};
use crate::{
    model::{Body, Data, Field, Serde, Variant, cfgs},
    validate::Valid,
};

impl Expand for Data {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        let (item, schema) = (item(valid, paths), schema(valid, None, paths));
        // The shape first: of all that the compiler has to say about a field that cannot travel, our sentence leads.
        quote!(#schema #item)
    }

    fn stub(&self, paths: &Paths) -> TokenStream {
        stub::data(self, paths)
    }
}

/// The user's item with the serde derives before everything else: a helper attribute must follow its derive.
pub(super) fn item(data: &Data, paths: &Paths) -> TokenStream {
    let item = &data.item;
    if data.serde == Serde::Own {
        return quote!(#item);
    }
    let (serialize, deserialize, serde) = (paths.serialize(), paths.deserialize(), paths.serde_text());
    let mut item = item.clone();
    share(&mut item, paths);
    quote! {
        #[derive(#serialize, #deserialize)]
        #[serde(crate = #serde)]
        #item
    }
}

/// Lets fields of `Bytes` travel without being copied. Of the type only its name is known here; for another type of that name
/// it changes nothing.
fn share(item: &mut DeriveInput, paths: &Paths) {
    let with = paths.shared_text();
    let fields: Vec<&mut syn::Field> = match &mut item.data {
        syn::Data::Struct(data) => data.fields.iter_mut().collect(),
        syn::Data::Enum(data) => data.variants.iter_mut().flat_map(|variant| &mut variant.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    for field in fields {
        let syn::Type::Path(path) = &field.ty else { continue };
        let last = path.path.segments.last();
        let is_bytes = last.is_some_and(|last| last.ident == "Bytes" && last.arguments.is_none());
        if is_bytes && !field.attrs.iter().any(|attribute| attribute.path().is_ident("serde")) {
            field.attrs.push(parse_quote!(#[serde(with = #with)]));
        }
    }
}

/// `impl Schema`, with `more` in it
pub(super) fn schema(data: &Data, more: Option<TokenStream>, paths: &Paths) -> TokenStream {
    let cfgs = cfgs(&data.item.attrs);
    let (schema, seen, shape) = (paths.schema(), paths.seen(), paths.shape());
    let generics = bounded(&data.item.generics, paths);
    let (parameters, _, bounds) = generics.split_for_impl();
    let (_, arguments, _) = data.item.generics.split_for_impl();
    let (ident, name) = (data.name(), data.name().to_string());
    let label = paths.option(data.schema.as_ref().map(|label| &label.value));
    let body = match &data.body {
        Body::Struct(fields) => {
            let fields = self::fields(fields, paths);
            quote!(seen.structure::<Self>(#name, #label, #fields))
        }
        Body::Enum(variants) => {
            let variants = variants.iter().map(|variant| self::variant(variant, paths));
            quote!(seen.enumeration::<Self>(#name, #label, &[#(#variants),*]))
        }
    };
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #parameters #schema for #ident #arguments #bounds {
            fn shape(seen: &mut #seen) -> #shape {
                #body
            }
            #more
        }
    }
}

/// A generic type has a shape when its parameters have one.
fn bounded(generics: &Generics, paths: &Paths) -> Generics {
    let mut bounded = generics.clone();
    let schema = paths.schema();
    for parameter in generics.type_params() {
        let name = &parameter.ident;
        bounded.make_where_clause().predicates.push(parse_quote!(#name: #schema));
    }
    bounded
}

fn variant(variant: &Variant, paths: &Paths) -> TokenStream {
    let Variant { name, cfgs, fields } = variant;
    let fields = self::fields(fields, paths);
    quote!(#(#cfgs)* (#name, #fields))
}

/// `&[("celsius", <f32 as Schema>::shape), …]`; the bound is asserted here, at the user's type, and nowhere else.
fn fields(fields: &[Field], paths: &Paths) -> TokenStream {
    let (schema, shape) = (paths.schema(), paths.shape());
    let travelling = fields.iter().filter(|field| !field.is_skipped());
    let entries = travelling.map(|Field { name, ty, cfgs, schema: label, .. }| {
        let of = match label.as_ref().map(|label| &label.value) {
            Some(label) => quote!(|_| #shape::Opaque(::std::string::String::from(#label))),
            None => quote_spanned!(ty.span()=> <#ty as #schema>::shape),
        };
        quote!(#(#cfgs)* (#name, #of))
    });
    quote!(&[#(#entries),*])
}
