//! The descriptor of a group of collections, and the types of its writers and readers.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Attribute, Type, Visibility, spanned::Spanned};

use super::{group as groups, paths::Paths, policy};
use crate::model::{Group, cfgs, shown};

/// One collection of the group.
struct Held<'a> {
    name: &'a Ident,
    ty: &'a Type,
    cfgs: &'a [Attribute],
    visibility: &'a Visibility,
}

pub(super) fn expand(group: &Group, paths: &Paths) -> TokenStream {
    let descriptor = groups::descriptor(group, paths.bundle_shape(), paths);
    all(group, &descriptor, paths)
}

/// The same after a mistake: a group that holds what it lists, each once.
pub(super) fn stub(group: &Group, paths: &Paths) -> TokenStream {
    if !group.data.item.generics.params.is_empty() {
        let item = &group.data.item;
        return quote!(#[allow(dead_code)] #item);
    }
    let (descriptor, intent, shape) = (paths.group_descriptor(), paths.intent(), paths.bundle_shape());
    let (voters, options, rule, source) =
        (paths.voter_set(), paths.group_options(), paths.rule(), paths.here());
    let descriptor = quote! {
        &#descriptor {
            intent: #intent::new("", [0; 32]),
            type_name: "",
            schema: #shape::<Self>,
            voters: #voters::Founder,
            options: #options::new(),
            members: #rule::Anyone,
            docs: "",
            source: #source,
        }
    };
    all(group, &descriptor, paths)
}

fn all(group: &Group, descriptor: &TokenStream, paths: &Paths) -> TokenStream {
    let item = &group.data.item;
    let held = held(group);
    let (types, holds) = (types(group, &held, paths), holds(group, &held, paths));
    let (together, opens) = (together(group, &held, descriptor, paths), opens(group, &held, paths));
    quote! {
        #[allow(dead_code)]
        #item
        #types
        #holds
        #together
        #opens
    }
}

fn held(group: &Group) -> Vec<Held<'_>> {
    let syn::Data::Struct(item) = &group.data.item.data else { return Vec::new() };
    let fields = item.fields.iter().zip(group.named().unwrap_or_default());
    let held = fields.filter_map(|(item, field)| {
        let name = item.ident.as_ref()?;
        Some(Held { name, ty: &field.ty, cfgs: &field.cfgs, visibility: &item.vis })
    });
    held.collect()
}

/// `ExchangeWriters`, `ExchangeReaders`
fn types(group: &Group, held: &[Held<'_>], paths: &Paths) -> TokenStream {
    let (name, visibility) = (group.data.name(), &group.data.item.vis);
    let cfgs = cfgs(&group.data.item.attrs);
    let types = [("Writers", "writers", paths.writer()), ("Readers", "readers", paths.reader())];
    let types = types.into_iter().map(|(what, word, handle)| {
        let (ident, docs) =
            (groups::named(name, what), format!(" The {word} of the collections of [`{name}`]."));
        let fields = held.iter().map(|Held { name, ty, cfgs, visibility }| {
            let docs = format!(" That of [`{}`].", shown(ty));
            quote!(#(#cfgs)* #[doc = #docs] #visibility #name: #handle<#ty>)
        });
        quote! {
            #(#cfgs)*
            #[doc = #docs]
            #[allow(dead_code)]
            #visibility struct #ident { #(#fields),* }
        }
    });
    types.collect()
}

/// `impl Bundle`, and for each collection `impl Holds`. What a field has to be is asserted at its type, and once.
fn holds(group: &Group, held: &[Held<'_>], paths: &Paths) -> TokenStream {
    let name = group.data.name();
    let of_group = cfgs(&group.data.item.attrs);
    let (bundle, holds, part, kind) = (paths.bundle(), paths.holds(), paths.part(), paths.part_kind());
    let (descriptor, together) = (paths.bundle_descriptor(), paths.together());
    let parts = held.iter().map(|Held { ty, cfgs, .. }| quote!(#(#cfgs)* #part::<Self, #ty>()));
    let mut seen = BTreeSet::new();
    let each = held.iter().filter(|held| seen.insert(shown(held.ty))).map(
        |Held { name: field, ty, cfgs, .. }| {
            let word = field.to_string();
            let word = word.trim_start_matches("r#");
            let assert = quote_spanned!(ty.span()=> type Held = #ty;);
            quote! {
                #(#of_group)*
                #(#cfgs)*
                #[automatically_derived]
                impl #holds<#ty> for #name {
                    type Opened = Self;
                #assert
                    const PART: &'static str = #word;
                    const BUNDLE: #descriptor = <Self as #together>::DESCRIPTOR;
                }
            }
        },
    );
    let each: TokenStream = each.collect();
    quote! {
        #(#of_group)*
        #[automatically_derived]
        impl #bundle for #name {
            fn parts() -> ::std::vec::Vec<#kind> {
                ::std::vec![#(#parts),*]
            }
        }
        #each
    }
}

/// `impl Together`
fn together(group: &Group, held: &[Held<'_>], descriptor: &TokenStream, paths: &Paths) -> TokenStream {
    let (name, of_group) = (group.data.name(), cfgs(&group.data.item.attrs));
    let (together, bundle) = (paths.together(), paths.bundle_descriptor());
    let (writers, readers) = (groups::named(name, "Writers"), groups::named(name, "Readers"));
    let (opened_writers, opened_readers) = (paths.opened_writers(), paths.opened_readers());
    let rule = policy::rule(group.readers.as_ref(), paths);
    let each = |method: &str| {
        let method = format_ident!("{method}");
        let each = held
            .iter()
            .map(|Held { name, ty, cfgs, .. }| quote!(#(#cfgs)* #name: _opened.#method::<Self, #ty>()));
        each.collect::<Vec<_>>()
    };
    let (each_writer, each_reader) = (each("writer"), each("reader"));
    quote! {
        #(#of_group)*
        #[automatically_derived]
        impl #together for #name {
            type Writers = #writers;
            type Readers = #readers;
            const DESCRIPTOR: #bundle = #bundle { group: #descriptor, readers: #rule };
            fn writers(_opened: &#opened_writers) -> #writers {
                #writers { #(#each_writer),* }
            }
            fn readers(_opened: &#opened_readers) -> #readers {
                #readers { #(#each_reader),* }
            }
        }
    }
}

/// `impl Handles` and `impl Opens`: the group as a parameter of a node.
fn opens(group: &Group, held: &[Held<'_>], paths: &Paths) -> TokenStream {
    let (name, of_group) = (group.data.name(), cfgs(&group.data.item.attrs));
    let (handles, opens, opening, role) = (paths.handles(), paths.opens(), paths.opening(), paths.role());
    let (writers, readers, writer, reader) =
        (paths.writers(), paths.readers(), paths.writer(), paths.reader());
    let (open_writers, open_readers, on) = (paths.open_writers(), paths.open_readers(), paths.collections());
    let roles = |path: TokenStream| {
        let each = held.iter().map(|Held { ty, cfgs, .. }| quote!(#(#cfgs)* #path::<Self, #ty>()));
        each.collect::<Vec<_>>()
    };
    let (writes, reads) = (roles(paths.writes()), roles(paths.reads()));
    quote! {
        #(#of_group)*
        #[automatically_derived]
        impl #handles for #name {
            type Write = #writers<Self>;
            type Read = #readers<Self>;
        }
        #(#of_group)*
        #[automatically_derived]
        impl #opens for #name {
            const WRITES: #role = #role::All(&[#(#writes),*]);
            const READS: #role = #role::All(&[#(#reads),*]);
            fn writer(on: &#on) -> #opening<'_, #writer<Self>> {
                #open_writers(on)
            }
            fn reader(on: &#on) -> #opening<'_, #reader<Self>> {
                #open_readers(on)
            }
        }
    }
}
