//! After a mistake: the user's item, and the least impls that keep later code quiet, so that one mistake is one error.
//!
//! The program does not compile anyway; nothing here ever runs.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, parse_quote};

use super::{group as groups, methods as blocks, node as nodes, paths::Paths};
use crate::model::{Data, Group, Method, Methods, Node, Serde, Stream, cfgs};

/// A struct or enum that cannot travel, but says that it can.
pub(super) fn data(data: &Data, paths: &Paths) -> TokenStream {
    let (item, serde) = (item(data), serde(data, paths));
    let (schema, seen, shape) = (paths.schema(), paths.seen(), paths.shape());
    let ident = data.name();
    let generics = settled(&data.item.generics);
    let (parameters, _, bounds) = generics.split_for_impl();
    let (_, arguments, _) = data.item.generics.split_for_impl();
    quote! {
        #item
        #serde
        #[automatically_derived]
        impl #parameters #schema for #ident #arguments #bounds {
            fn shape(_: &mut #seen) -> #shape {
                loop {}
            }
        }
    }
}

/// A type that is on no stream, but says that it is.
pub(super) fn stream(stream: &Stream, paths: &Paths) -> TokenStream {
    let data = data(&stream.data, paths);
    let (datum, anyone, descriptor, intent) =
        (paths.datum(), paths.anyone(), paths.stream_descriptor(), paths.intent());
    let (schema, options, rule, source) =
        (paths.schema(), paths.stream_options(), paths.rule(), paths.here());
    let ident = stream.data.name();
    let generics = settled(&stream.data.item.generics);
    let (parameters, _, bounds) = generics.split_for_impl();
    let (_, arguments, _) = stream.data.item.generics.split_for_impl();
    quote! {
        #data
        #[automatically_derived]
        impl #parameters #datum for #ident #arguments #bounds {
            type ProducerProof = #anyone;
            type ConsumerProof = #anyone;
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                intent: #intent::new("", [0; 32]),
                type_name: "",
                schema: <Self as #schema>::shape,
                options: #options::new(),
                producers: #rule::Anyone,
                consumers: #rule::Anyone,
                docs: "",
                source: #source,
            };
        }
    }
}

/// A type that is no group, but can be a member's.
pub(super) fn group(group: &Group, paths: &Paths) -> TokenStream {
    let data = data(&group.data, paths);
    if !group.data.item.generics.params.is_empty() {
        return data;
    }
    let (descriptor, intent, options, rule, source) =
        (paths.group_descriptor(), paths.intent(), paths.group_options(), paths.rule(), paths.here());
    let (schema, voters) = (paths.schema(), paths.voter_set());
    let descriptor = quote! {
        &#descriptor {
            intent: #intent::new("", [0; 32]),
            type_name: "",
            schema: <Self as #schema>::shape,
            voters: #voters::Founder,
            options: #options::new(),
            members: #rule::Anyone,
            docs: "",
            source: #source,
        }
    };
    let (types, declared) = (groups::types(group, paths), groups::declared(group, &descriptor, paths));
    quote!(#data #types #declared)
}

/// Methods that nobody can call from afar, but the handle has them.
pub(super) fn methods(methods: &Methods, paths: &Paths) -> TokenStream {
    let block = blocks::block(methods);
    let (Some(state), None, true) = (methods.name(), &methods.of_trait, methods.generics.params.is_empty())
    else {
        return block;
    };
    let (ty, mosaik, alias) = (&methods.ty, paths.short(), paths.alias());
    let method = |method: &Method, error: &TokenStream| {
        let returned = match &method.signature.output {
            syn::ReturnType::Type(_, ty) if !matches!(**ty, syn::Type::ImplTrait(_)) => quote!(#ty),
            _ => quote!(()),
        };
        let returned = match method.is_command() {
            true => blocks::outcome(method, &returned, &mosaik),
            false => quote!(::core::result::Result<#returned, #error>),
        };
        let head = blocks::head(method, &returned, ty);
        quote!(#head { loop {} })
    };
    let is_plain = |method: &&Method| method.arguments.iter().all(|argument| argument.name.is_some());
    let error = quote!(#mosaik::ReadError);
    let all = methods.travelling().filter(is_plain).map(|one| method(one, &error));
    let queries = methods.queries();
    let queries = queries.into_iter().filter(|one| is_plain(one)).map(|one| method(one, &error));
    let (handle, weak) = (groups::named(state, "Handle"), groups::named(state, "Weak"));
    quote! {
        #block
        #[allow(warnings)]
        const _: () = {
            #alias
            #[automatically_derived]
            impl #mosaik::StateMachine for #ty {
                type Command = ();
                type Reply = ();
                type Query = ();
                type Answer = ();
                fn apply(&mut self, _: (), _: &#mosaik::Apply) {}
                fn query(&self, _: ()) {}
            }
            impl #handle { #(#all)* }
            impl #weak { #(#queries)* }
        };
    }
}

/// A function that is no node, but can be listed as one.
pub(super) fn node(node: &Node, paths: &Paths) -> TokenStream {
    let function = nodes::function(node);
    if node.is_main() {
        // An `async fn main` would be a second error.
        let cfgs = cfgs(&node.attributes);
        return quote!(#(#cfgs)* fn main() { #[allow(dead_code)] #function });
    }
    if node.signature.receiver().is_some() {
        return function;
    }
    let (node_item, descriptor, reach, source) =
        (paths.node_item(), paths.node_descriptor(), paths.reach(), paths.here());
    let (future, result, handle) = (paths.boxed_future(), paths.result(), paths.node());
    let ident = node.ident();
    let marker = nodes::marker(node, ident);
    quote! {
        #function
        #marker
        #[automatically_derived]
        impl #node_item for #ident {
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                name: "",
                network: "",
                tags: &[],
                reach: #reach::Host,
                proves: &[],
                roles: &[],
                docs: "",
                source: #source,
            };
            fn run(_: #handle) -> #future<'static, #result<()>> {
                loop {}
            }
        }
    }
}

/// The user's item, without serde's helper attributes when nobody derives serde.
fn item(data: &Data) -> TokenStream {
    let mut item = data.item.clone();
    if data.serde == Serde::Derived && data.serde_derives.is_empty() {
        item.attrs.retain(is_not_serde);
        match &mut item.data {
            syn::Data::Struct(data) => bare(&mut data.fields),
            syn::Data::Enum(data) => data.variants.iter_mut().for_each(|variant| {
                variant.attrs.retain(is_not_serde);
                bare(&mut variant.fields);
            }),
            syn::Data::Union(_) => {}
        }
    }
    quote!(#item)
}

fn bare(fields: &mut syn::Fields) {
    fields.iter_mut().for_each(|field| field.attrs.retain(is_not_serde));
}

fn is_not_serde(attribute: &syn::Attribute) -> bool {
    !attribute.path().is_ident("serde")
}

/// The serde impls that nobody else gives.
fn serde(data: &Data, paths: &Paths) -> TokenStream {
    let derived = |name: &str| data.serde_derives.iter().any(|derive| derive.value == name);
    let serde = paths.serde();
    let result = quote!(::core::result::Result);
    let ident = data.name();
    let (_, arguments, _) = data.item.generics.split_for_impl();
    let generics = settled(&data.item.generics);
    let mut tokens = TokenStream::new();
    if data.serde == Serde::Own {
        return tokens;
    }
    if !derived("Serialize") {
        let (parameters, _, bounds) = generics.split_for_impl();
        tokens.extend(quote! {
            impl #parameters #serde::Serialize for #ident #arguments #bounds {
                fn serialize<MosaikS: #serde::Serializer>(&self, _: MosaikS) -> #result<MosaikS::Ok, MosaikS::Error> {
                    loop {}
                }
            }
        });
    }
    if !derived("Deserialize") {
        let mut generics = generics.clone();
        generics.params.insert(0, parse_quote!('mosaik));
        let (parameters, _, bounds) = generics.split_for_impl();
        tokens.extend(quote! {
            impl #parameters #serde::Deserialize<'mosaik> for #ident #arguments #bounds {
                fn deserialize<MosaikD: #serde::Deserializer<'mosaik>>(_: MosaikD) -> #result<Self, MosaikD::Error> {
                    loop {}
                }
            }
        });
    }
    tokens
}

/// Bounds under which every type is sendable data.
pub(super) fn settled(generics: &Generics) -> Generics {
    let mut settled = generics.clone();
    if !generics.params.is_empty() {
        let bound = parse_quote!(Self: ::core::marker::Send + ::core::marker::Sync + 'static);
        settled.make_where_clause().predicates.push(bound);
    }
    settled
}
