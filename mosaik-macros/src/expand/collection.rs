//! The descriptors of one collection and of its group.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use super::{Expand, group, paths::Paths, policy, stub::settled};
use crate::{
    model::{Collection, cfgs, docs, shown},
    validate::Valid,
};

impl Expand for Collection {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        let item = &valid.group.data.item;
        let Some(container) = valid.container() else { return item.to_token_stream() };
        let (stored, declared) = (stored(valid, container, paths), declared(valid, container, paths));
        quote! {
            #[allow(dead_code)]
            #item
            #stored
            #declared
        }
    }

    /// A collection of something, so that what uses it is not reported.
    fn stub(&self, paths: &Paths) -> TokenStream {
        let item = &self.group.data.item;
        let generics = settled(&item.generics);
        let ((parameters, _, bounds), (_, arguments, _)) =
            (generics.split_for_impl(), item.generics.split_for_impl());
        let (name, cell, collection) = (self.group.data.name(), paths.cell(), paths.collection());
        let (declared, descriptor) = (paths.declared_collection(), paths.collection_descriptor());
        let (of_group, intent, source, shape) =
            (paths.group_descriptor(), paths.intent(), paths.here(), paths.collection_shape());
        let (voters, options, rule) = (paths.voter_set(), paths.group_options(), paths.rule());
        let (alone, part_of) = (paths.alone(), paths.part_of_group());
        let bundle = self.shared.as_ref().map_or_else(|| quote!(#alone<Self>), |ty| quote!(#ty));
        let shared = self.shared.as_ref().map(|ty| quote!(impl #part_of<#ty> for #name {}));
        quote! {
            #[allow(dead_code)]
            #item
            #[automatically_derived]
            impl #parameters #collection for #name #arguments #bounds {
                type Container = #cell<()>;
            }
            #shared
            #[automatically_derived]
            impl #parameters #declared for #name #arguments #bounds {
                type Bundle = #bundle;
                const DESCRIPTOR: &'static #descriptor = &#descriptor {
                    intent: #intent::new("", [0; 32]),
                    container: "",
                    group: &#of_group {
                        intent: #intent::new("", [0; 32]),
                        type_name: "",
                        schema: #shape::<Self>,
                        voters: #voters::Founder,
                        options: #options::new(),
                        members: #rule::Anyone,
                        docs: "",
                        source: #source,
                    },
                    part: "",
                    readers: #rule::Anyone,
                    docs: "",
                    source: #source,
                };
            }
        }
    }
}

fn stored(collection: &Collection, container: &Type, paths: &Paths) -> TokenStream {
    let (name, cfgs, path) =
        (collection.group.data.name(), cfgs(&collection.group.data.item.attrs), paths.collection());
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #path for #name {
            type Container = #container;
        }
    }
}

fn declared(collection: &Collection, container: &Type, paths: &Paths) -> TokenStream {
    match &collection.shared {
        Some(shared) => declared_in(collection, shared, container, paths),
        None => declared_alone(collection, container, paths),
    }
}

/// A collection in a group that others share.
fn declared_in(collection: &Collection, shared: &Type, container: &Type, paths: &Paths) -> TokenStream {
    let group = &collection.group;
    let (name, cfgs, docs) = (group.data.name(), cfgs(&group.data.item.attrs), docs(&group.data.item.attrs));
    let (declared, descriptor, part_of_group) =
        (paths.declared_collection(), paths.collection_descriptor(), paths.part_of_group());
    let (intent, source, container) = (paths.intent(), paths.here(), shown(container));
    let (text, id) = (&group.intent.text.value, Literal::byte_string(&group.intent.id("collection")));
    let (group_of, part_of, readers_of) = (paths.group_of(), paths.part_of(), paths.readers_of());
    // What the group has to be is asserted at its name, and once.
    let assert = quote_spanned!(shared.span()=> type Bundle = #shared;);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #part_of_group<#shared> for #name {}
        #(#cfgs)*
        #[automatically_derived]
        impl #declared for #name {
            #assert
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                intent: #intent::new(#text, *#id),
                container: #container,
                group: #group_of::<Self>(),
                part: #part_of::<Self>(),
                readers: #readers_of::<Self>(),
                docs: #docs,
                source: #source,
            };
        }
    }
}

fn declared_alone(collection: &Collection, container: &Type, paths: &Paths) -> TokenStream {
    let group = &collection.group;
    let (name, cfgs, docs) = (group.data.name(), cfgs(&group.data.item.attrs), docs(&group.data.item.attrs));
    let (declared, descriptor, of_group) =
        (paths.declared_collection(), paths.collection_descriptor(), paths.group_descriptor());
    let (intent, source, shape) = (paths.intent(), paths.here(), paths.collection_shape());
    let (text, id) = (&group.intent.text.value, Literal::byte_string(&group.intent.id("collection")));
    let alone = paths.alone();
    let (type_name, container) = (name.to_string(), shown(container));
    let (voters, options) = (group::voters(group, paths), group::options(group, paths));
    let writers = policy::rule(group.members.as_ref(), paths);
    let readers = policy::rule(collection.readers.as_ref(), paths);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #declared for #name {
            type Bundle = #alone<Self>;
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                intent: #intent::new(#text, *#id),
                container: #container,
                group: &#of_group {
                    intent: #intent::new(#text, *#id),
                    type_name: #type_name,
                    schema: #shape::<Self>,
                    voters: #voters,
                    options: #options,
                    members: #writers,
                    docs: #docs,
                    source: #source,
                },
                part: "",
                readers: #readers,
                docs: #docs,
                source: #source,
            };
        }
    }
}
