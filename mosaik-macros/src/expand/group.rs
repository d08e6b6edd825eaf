//! The descriptor of one group, and the types that `#[methods]` fills.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Expand, bundle, data, paths::Paths, policy, stub};
use crate::{
    model::{Group, Key, Voters, cfgs, docs},
    validate::Valid,
};

impl Expand for Group {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        if valid.collections.is_some() {
            return bundle::expand(valid, paths);
        }
        let item = data::item(&valid.data, paths);
        let schema = data::schema(&valid.data, None, paths);
        let (types, declared) =
            (types(valid, paths), declared(valid, &descriptor(valid, paths.machine_shape(), paths), paths));
        quote!(#schema #item #types #declared)
    }

    fn stub(&self, paths: &Paths) -> TokenStream {
        if self.collections.is_some() { bundle::stub(self, paths) } else { stub::group(self, paths) }
    }
}

/// `LedgerHandle` for `Ledger` and `Handle`.
pub(super) fn named(state: &Ident, what: &str) -> Ident {
    format_ident!("{}{}", state, what)
}

/// The same tokens at another place: what the compiler has to say about them stands there.
pub(super) fn respanned(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// The types beside the state, as visible as it is.
pub(super) fn types(group: &Group, paths: &Paths) -> TokenStream {
    let (of_group, of_weak, machine) = (paths.group(), paths.weak(), paths.state_machine());
    let (state, visibility) = (group.data.name(), &group.data.item.vis);
    let cfgs = cfgs(&group.data.item.attrs);
    let [handle, weak, command, reply] =
        ["Handle", "Weak", "Command", "Reply"].map(|what| named(state, what));
    let doc = |text: &str| format!(" The {text} of [`{state}`].");
    let [of_handle, of_copy, of_command, of_reply] =
        ["commands and queries", "queries", "commands", "replies"].map(doc);
    quote! {
        #(#cfgs)*
        #[doc = #of_handle]
        #[allow(dead_code)]
        #visibility struct #handle(pub(crate) #of_group<#state>);
        #(#cfgs)*
        #[doc = #of_copy]
        #[allow(dead_code)]
        #visibility struct #weak(pub(crate) #of_weak<#state>);
        #(#cfgs)*
        #[doc = #of_command]
        #[allow(dead_code)]
        #visibility type #command = <#state as #machine>::Command;
        #(#cfgs)*
        #[doc = #of_reply]
        #[allow(dead_code)]
        #visibility type #reply = <#state as #machine>::Reply;
    }
}

/// `impl Declared`
pub(super) fn declared(group: &Group, descriptor: &TokenStream, paths: &Paths) -> TokenStream {
    let (declared, of_group, of_weak, ty) =
        (paths.declared(), paths.group(), paths.weak(), paths.group_descriptor());
    let (state, cfgs) = (group.data.name(), cfgs(&group.data.item.attrs));
    let (handle, weak) = (named(state, "Handle"), named(state, "Weak"));
    let earlier = earlier(group, paths);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #declared for #state {
            type Handle = #handle;
            type Weak = #weak;
            const DESCRIPTOR: &'static #ty = #descriptor;
            #earlier
            fn handle(group: #of_group<Self>) -> #handle {
                #handle(group)
            }
            fn weak(weak: #of_weak<Self>) -> #weak {
                #weak(weak)
            }
        }
    }
}

/// The type that the state had before.
fn earlier(group: &Group, paths: &Paths) -> Option<TokenStream> {
    let (from, earlier, of) = (group.from.as_ref()?, paths.earlier(), paths.earlier_of());
    let made = quote_spanned!(from.span()=> #of::<Self, #from>());
    Some(quote! {
        fn earlier() -> ::core::option::Option<#earlier<Self>> {
            #made
        }
    })
}

/// The descriptor of a group, whose state has this shape.
pub(super) fn descriptor(group: &Group, shape: TokenStream, paths: &Paths) -> TokenStream {
    let (descriptor, intent) = (paths.group_descriptor(), paths.intent());
    let (text, id) = (&group.intent.text.value, Literal::byte_string(&group.intent.id("group")));
    let (name, docs, source) = (group.data.name().to_string(), docs(&group.data.item.attrs), paths.here());
    let (voters, options) = (voters(group, paths), options(group, paths));
    let members = policy::rule(group.members.as_ref(), paths);
    // A state without methods is reported at its name, and once.
    let shape = respanned(shape, group.data.name().span());
    let shape = quote_spanned!(group.data.name().span()=> #shape::<Self>);
    quote! {
        &#descriptor {
            intent: #intent::new(#text, *#id),
            type_name: #name,
            schema: #shape,
            voters: #voters,
            options: #options,
            members: #members,
            docs: #docs,
            source: #source,
        }
    }
}

pub(super) fn voters(group: &Group, paths: &Paths) -> TokenStream {
    let set = paths.voter_set();
    match &group.voters {
        Some(Voters::Count(count)) => {
            let count = Literal::usize_unsuffixed(count.value);
            quote!(#set::Count(#count))
        }
        Some(Voters::List(peers, _)) => {
            let peers = peers.iter().map(|id| peer(id.value, paths));
            quote!(#set::List(&[#(#peers),*]))
        }
        Some(Voters::Founder) | None => quote!(#set::Founder),
    }
}

fn peer(id: [u8; 32], paths: &Paths) -> TokenStream {
    let (peer, bytes) = (paths.peer_id(), Literal::byte_string(&id));
    quote!(#peer::from_bytes(*#bytes))
}

pub(super) fn options(group: &Group, paths: &Paths) -> TokenStream {
    let options = paths.group_options();
    let storage = group.storage.map(|storage| {
        let (path, variant) = (paths.storage(), format_ident!("{storage}"));
        quote!(.storage(#path::#variant))
    });
    let key = group.key.as_ref().map(|key| {
        let path = paths.key_source();
        match key {
            Key::Env(name) => quote!(.key(#path::Env(#name))),
            Key::File(name) => quote!(.key(#path::File(#name))),
        }
    });
    let deadline = group.deadline.map(|time| quote!(.deadline(#time)));
    let strict = group.strict.then(|| quote!(.strict()));
    let evict_after = group.evict_after.map(|time| quote!(.evict_after(#time)));
    let round_trip = group.round_trip.as_ref().map(|time| {
        let millis = time.value;
        quote!(.round_trip(#millis))
    });
    let committee = group.committee.as_ref().map(|committee| {
        let committee = Literal::usize_unsuffixed(committee.value);
        quote!(.committee(#committee))
    });
    let founder = group.founder.as_ref().map(|founder| {
        let founder = peer(founder.value, paths);
        quote!(.founder(#founder))
    });
    quote!(#options::new() #storage #key #deadline #strict #evict_after #round_trip #committee #founder)
}
