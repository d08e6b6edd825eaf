//! A type with the node's name, in the namespace of types; the function stays what it is.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{ReturnType, spanned::Spanned};

use super::{Expand, group::respanned, paths::Paths, stub};
use crate::{
    model::{Node, cfgs, docs},
    validate::Valid,
};

impl Expand for Node {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        if valid.is_main() { program(valid, paths) } else { beside(valid, paths) }
    }

    fn stub(&self, paths: &Paths) -> TokenStream {
        stub::node(self, paths)
    }
}

/// The user's function, with all its attributes.
pub(super) fn function(node: &Node) -> TokenStream {
    let Node { attributes, visibility, signature, body, .. } = node;
    quote!(#(#attributes)* #visibility #signature #body)
}

fn beside(node: &Node, paths: &Paths) -> TokenStream {
    let (function, item) = (function(node), item(node, node.ident(), paths));
    quote!(#function #item)
}

/// `async fn main` moves into `fn main`.
fn program(node: &Node, paths: &Paths) -> TokenStream {
    let cfgs = cfgs(&node.attributes);
    let ident = format_ident!("main_node", span = node.ident().span());
    let main = node.ident();
    let (function, item) = (function(node), item(node, &ident, paths));
    let (run_main, entry) = (paths.run_main(), paths.node_entry());
    let visibility = &node.visibility;
    quote! {
        #(#cfgs)*
        #visibility fn #main() -> ::std::process::ExitCode {
            #function
            #item
            #run_main(&[#entry::of::<#ident>()])
        }
    }
}

/// The type that stands for the node, with its descriptor.
fn item(node: &Node, ident: &Ident, paths: &Paths) -> TokenStream {
    let (node_item, descriptor, reach) = (paths.node_item(), paths.node_descriptor(), paths.reach());
    let (cfgs, docs, source) = (cfgs(&node.attributes), docs(&node.attributes), paths.here());
    let (name, network) = (&node.name.value, &node.network.value);
    let tags = node.tags.iter().map(|tag| &tag.value);
    let distance = format_ident!("{}", node.reach);
    let trait_ = paths.parameter();
    let roles = node.parameters.iter().map(|parameter| {
        let (cfgs, ty) = (&parameter.cfgs, &parameter.ty);
        quote_spanned!(ty.span()=> #(#cfgs)* <#ty as #trait_>::ROLE)
    });
    let (proof, gate) = (paths.proof(), paths.gate());
    let proves: Vec<_> =
        node.proves.iter().map(|path| quote_spanned!(path.span()=> <#path as #proof>::REF)).collect();
    let gates = node.parameters.iter().map(|parameter| {
        let (node_cfgs, cfgs, ty) = (&cfgs, &parameter.cfgs, &parameter.ty);
        let gate = respanned(gate.clone(), ty.span());
        quote_spanned! {ty.span()=>
            #(#node_cfgs)* #(#cfgs)* const _: () = #gate(#name, &<#ty as #trait_>::ROLE, &[#(#proves),*]);
        }
    });
    let gates = quote!(#(#gates)*);
    let marker = marker(node, ident);
    let run = run(node, paths);
    quote! {
        #marker
        #gates
        #(#cfgs)*
        #[automatically_derived]
        impl #node_item for #ident {
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                name: #name,
                network: #network,
                tags: &[#(#tags),*],
                reach: #reach::#distance,
                proves: &[#(#proves),*],
                roles: &[#(#roles),*],
                docs: #docs,
                source: #source,
            };
            #run
        }
    }
}

/// `enum sensor {}`
pub(super) fn marker(node: &Node, ident: &Ident) -> TokenStream {
    let cfgs = cfgs(&node.attributes);
    let visibility = if node.is_main() { &syn::Visibility::Inherited } else { &node.visibility };
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, unreachable_pub)]
        #visibility enum #ident {}
    }
}

/// Opens every role in order, then runs the function. Spans are the user's: what the compiler says about the future stands
/// at the function's name, about its result at the result.
fn run(node: &Node, paths: &Paths) -> TokenStream {
    let (trait_, finish, result, future, handle) =
        (paths.parameter(), paths.finish(), paths.result(), paths.boxed_future(), paths.node());
    let function = node.ident();
    // A variable that no function of the user's can be confused with, not even one named `node`.
    let name = if node.parameters.is_empty() { "_node" } else { "node" };
    let opened = Ident::new(name, Span::mixed_site());
    let roles = node.parameters.iter().map(|parameter| {
        let (cfgs, ty) = (&parameter.cfgs, &parameter.ty);
        quote_spanned!(ty.span()=> #(#cfgs)* (<#ty as #trait_>::OPEN)(&#opened).await?)
    });
    let returned = match &node.signature.output {
        ReturnType::Default => function.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let mut called = function.clone();
    called.set_span(returned);
    let call = quote_spanned!(returned=> #finish(#called(#(#roles),*).await));
    let boxed = quote_spanned!(function.span()=> ::std::boxed::Box::pin(async move { #call }));
    quote! {
        fn run(#opened: #handle) -> #future<'static, #result<()>> {
            #boxed
        }
    }
}
