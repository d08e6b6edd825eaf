//! A type with the node's name, in the namespace of types; the function stays what it is.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Expand, paths::Paths, stub};
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
    let from_node = paths.from_node();
    let roles = node.parameters.iter().map(|parameter| {
        let (cfgs, ty) = (&parameter.cfgs, &parameter.ty);
        quote_spanned!(ty.span()=> #(#cfgs)* <#ty as #from_node>::ROLE)
    });
    let marker = marker(node, ident);
    let run = run(node, paths);
    quote! {
        #marker
        #(#cfgs)*
        #[automatically_derived]
        impl #node_item for #ident {
            const DESCRIPTOR: &'static #descriptor = &#descriptor {
                name: #name,
                network: #network,
                tags: &[#(#tags),*],
                reach: #reach::#distance,
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

/// Opens every role in order, then runs the function.
fn run(node: &Node, paths: &Paths) -> TokenStream {
    let (from_node, finish, result, future, handle) =
        (paths.from_node(), paths.finish(), paths.result(), paths.boxed_future(), paths.node());
    let function = node.ident();
    let roles = node.parameters.iter().map(|parameter| {
        let (cfgs, ty) = (&parameter.cfgs, &parameter.ty);
        quote_spanned!(ty.span()=> #(#cfgs)* <#ty as #from_node>::from_node(&node).await?)
    });
    let argument = if node.parameters.is_empty() { format_ident!("_node") } else { format_ident!("node") };
    quote! {
        fn run(#argument: #handle) -> #future<'static, #result<()>> {
            ::std::boxed::Box::pin(async move { #finish(#function(#(#roles),*).await) })
        }
    }
}
