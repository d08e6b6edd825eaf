//! A state machine from the methods of a group: what travels, what is done with it, and the methods of the handle.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, GenericArgument, GenericParam, PathArguments, ReturnType, Type, spanned::Spanned};

use super::{
    Expand,
    group::{named, respanned},
    paths::Paths,
    stub,
};
use crate::{
    model::{Argument, Item, Method, Methods, Passed, cfgs},
    validate::Valid,
};

impl Expand for Methods {
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream {
        let block = block(valid);
        let Some(state) = valid.name() else { return block };
        let form = Form { methods: valid, state, paths };
        let (cfgs, alias) = (cfgs(&valid.attributes), paths.alias());
        let parts = [form.command(), form.reply(), form.ask(), form.machine(), form.handles()];
        quote! {
            #block
            #(#cfgs)*
            #[allow(warnings)]
            const _: () = {
                #alias
                #(#parts)*
            };
        }
    }

    fn stub(&self, paths: &Paths) -> TokenStream {
        stub::methods(self, paths)
    }
}

/// The user's block, without our own attributes in it.
pub(super) fn block(methods: &Methods) -> TokenStream {
    let Methods { attributes, generics, of_trait, ty, items } = methods;
    let (parameters, _, bounds) = generics.split_for_impl();
    let of_trait = of_trait.as_ref().map(|path| quote!(#path for));
    let items = items.iter().map(|item| match item {
        Item::Other(tokens) => tokens.clone(),
        Item::Method(method) => {
            let Method { attributes, visibility, signature, body, .. } = &**method;
            quote!(#(#attributes)* #visibility #signature #body)
        }
    });
    quote!(#(#attributes)* impl #parameters #of_trait #ty #bounds { #(#items)* })
}

/// What is filled in.
struct Form<'a> {
    methods: &'a Methods,
    state: &'a Ident,
    paths: &'a Paths,
}

/// An identifier that no name of the user's can be confused with.
fn ours(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

impl Form<'_> {
    fn named(&self, what: &str) -> Ident {
        named(self.state, what)
    }

    /// Tokens with `Self` as the state: they stand in other types.
    fn of_state(&self, tokens: &impl ToTokens) -> TokenStream {
        replace_self(tokens.to_token_stream(), &self.methods.ty.to_token_stream())
    }

    /// The enum of the commands or queries.
    fn calls(&self, name: &Ident, methods: &[&Method]) -> TokenStream {
        let variants = methods.iter().map(|method| {
            let (cfgs, ident) = (cfgs(&method.attributes), method.ident());
            let types = method.data().map(|argument| self.of_state(&argument.owned)).collect::<Vec<_>>();
            let fields = (!types.is_empty()).then(|| quote!((#(#types),*)));
            quote!(#(#cfgs)* #ident #fields)
        });
        quote!(pub enum #name { #(#variants),* })
    }

    /// The enum of what they return.
    fn returns(&self, name: &Ident, methods: &[&Method]) -> TokenStream {
        let variants = methods.iter().map(|method| {
            let (cfgs, ident, returned) = (cfgs(&method.attributes), method.ident(), self.returned(method));
            quote!(#(#cfgs)* #ident(#returned))
        });
        quote!(pub enum #name { #(#variants),* })
    }

    fn returned(&self, method: &Method) -> TokenStream {
        match &method.signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => self.of_state(ty),
        }
    }

    fn command(&self) -> TokenStream {
        let (name, mosaik) = (self.named("Command"), self.paths.short());
        let commands = self.methods.commands();
        let calls = self.calls(&name, &commands);
        let mut sorted = commands.clone();
        sorted.sort_by_key(|method| id(method));
        let methods = sorted.iter().map(|method| self.described(method));
        let (into, method, bytes, other) = (ours("into"), ours("method"), ours("bytes"), ours("other"));
        let ids = commands.iter().map(|method| {
            let (cfgs, ident, id) = (cfgs(&method.attributes), method.ident(), literal(method));
            let rest = method.data().next().map(|_| quote!((..)));
            quote!(#(#cfgs)* Self::#ident #rest => #id)
        });
        let encoded = commands.iter().map(|method| {
            let (cfgs, call, tuple) =
                (cfgs(&method.attributes), pattern(method, &quote!(Self)), tuple(method));
            quote!(#(#cfgs)* #call => #mosaik::encode(&#tuple, #into))
        });
        let decoded = commands.iter().map(|method| {
            let (cfgs, call, tuple) =
                (cfgs(&method.attributes), pattern(method, &quote!(Self)), tuple(method));
            let id = literal(method);
            quote!(#(#cfgs)* #id => #mosaik::decode(#bytes, |#tuple| #call))
        });
        let matched = matched(&commands);
        quote! {
            #calls
            impl #mosaik::Command for #name {
                fn methods() -> ::std::vec::Vec<#mosaik::Method> {
                    ::std::vec![#(#methods),*]
                }
                fn method(&self) -> u64 {
                    match #matched { #(#ids,)* }
                }
                fn encode(&self, #into: &mut ::std::vec::Vec<u8>) -> #mosaik::Encoded {
                    match #matched { #(#encoded,)* }
                }
                fn decode(#method: u64, #bytes: &[u8]) -> #mosaik::Decoded<Self> {
                    match #method { #(#decoded,)* #other => #mosaik::no_such_method(#other) }
                }
            }
        }
    }

    /// `Method::new("deposit", …)`: the bound of each argument is asserted here, at the user's type.
    fn described(&self, method: &Method) -> TokenStream {
        let (mosaik, cfgs) = (self.paths.short(), cfgs(&method.attributes));
        let (name, none) = (method_name(method), self.paths.option(None::<u8>));
        let arguments = method.data().map(|argument| {
            let name = argument_name(argument).to_string();
            let (name, owned) = (name.trim_start_matches("r#"), self.of_state(&argument.owned));
            quote_spanned!(argument.ty.span()=> (#name, <#owned as #mosaik::Schema>::shape))
        });
        quote! {
            #(#cfgs)*
            #mosaik::Method::new(#name, |seen| seen.structure::<Self>(#name, #none, &[#(#arguments),*]))
        }
    }

    fn reply(&self) -> TokenStream {
        let (name, mosaik) = (self.named("Reply"), self.paths.short());
        let commands = self.methods.commands();
        let returns = self.returns(&name, &commands);
        let (into, method, bytes) = (ours("into"), ours("method"), ours("bytes"));
        let (reply, other) = (ours("reply"), ours("other"));
        let encoded = commands.iter().map(|method| {
            let (cfgs, ident, returned) = (cfgs(&method.attributes), method.ident(), self.returned(method));
            let encode = quote_spanned!(returned_span(method)=> <#returned as #mosaik::Reply>::encode);
            quote!(#(#cfgs)* Self::#ident(#reply) => #encode(#reply, #into))
        });
        let decoded = commands.iter().map(|one| {
            let (cfgs, ident, returned, id) =
                (cfgs(&one.attributes), one.ident(), self.returned(one), literal(one));
            let decode = quote_spanned!(returned_span(one)=> <#returned as #mosaik::Reply>::decode);
            quote!(#(#cfgs)* #id => #decode(#method, #bytes).map(Self::#ident))
        });
        let matched = matched(&commands);
        quote! {
            #returns
            impl #mosaik::Reply for #name {
                fn encode(&self, #into: &mut ::std::vec::Vec<u8>) -> #mosaik::Encoded {
                    match #matched { #(#encoded,)* }
                }
                fn decode(#method: u64, #bytes: &[u8]) -> #mosaik::Decoded<Self> {
                    match #method { #(#decoded,)* #other => #mosaik::no_such_method(#other) }
                }
            }
        }
    }

    /// Queries and answers: they do not travel.
    fn ask(&self) -> TokenStream {
        let queries = self.methods.queries();
        let calls = self.calls(&self.named("Query"), &queries);
        let returns = self.returns(&self.named("Answer"), &queries);
        quote!(#calls #returns)
    }

    fn machine(&self) -> TokenStream {
        let (mosaik, ty) = (self.paths.short(), &self.methods.ty);
        let [command, reply, query, answer] =
            ["Command", "Reply", "Query", "Answer"].map(|what| self.named(what));
        let (call, context) = (ours("call"), ours("cx"));
        let run = |method: &Method, calls: &Ident, returns: &Ident| {
            let (cfgs, ident) = (cfgs(&method.attributes), method.ident());
            let pattern = pattern(method, &calls.to_token_stream());
            let arguments = method.arguments.iter().map(|argument| {
                let name = argument_name(argument);
                match argument.kind {
                    Passed::Context => context.to_token_stream(),
                    Passed::Reference => quote!(&#name),
                    Passed::Value => name.to_token_stream(),
                }
            });
            quote!(#(#cfgs)* #pattern => #returns::#ident(self.#ident(#(#arguments),*)))
        };
        let commands = self.methods.commands().into_iter().map(|method| run(method, &command, &reply));
        let queries = self.methods.queries().into_iter().map(|method| run(method, &query, &answer));
        quote! {
            #[automatically_derived]
            impl #mosaik::StateMachine for #ty {
                type Command = #command;
                type Reply = #reply;
                type Query = #query;
                type Answer = #answer;
                fn apply(&mut self, #call: #command, #context: &#mosaik::Apply) -> #reply {
                    match #call { #(#commands,)* }
                }
                fn query(&self, #call: #query) -> #answer {
                    match #call { #(#queries,)* }
                }
            }
        }
    }

    fn handles(&self) -> TokenStream {
        let (handle, weak) = (self.named("Handle"), self.named("Weak"));
        let commands = self.methods.commands().into_iter().map(|method| self.give(method));
        let queries = self.methods.queries();
        let ask = queries.iter().map(|method| self.read(method, "ask"));
        let peek = queries.iter().map(|method| self.read(method, "peek"));
        quote! {
            impl #handle { #(#commands)* #(#ask)* }
            impl #weak { #(#peek)* }
        }
    }

    /// The head of a handle's method, with the user's words about it.
    fn head(&self, method: &Method, returned: &TokenStream) -> TokenStream {
        head(method, returned, &self.methods.ty)
    }

    /// A command on the handle.
    fn give(&self, method: &Method) -> TokenStream {
        let (mosaik, command, ident) = (self.paths.short(), self.named("Command"), method.ident());
        let arguments: Vec<_> = method
            .data()
            .map(|argument| {
                let name = argument_name(argument);
                match argument.kind {
                    Passed::Reference => quote!(::std::borrow::ToOwned::to_owned(#name)),
                    _ => name.to_token_stream(),
                }
            })
            .collect();
        let arguments = (!arguments.is_empty()).then(|| quote!((#(#arguments),*)));
        let returned = self.returned(method);
        let how = Ident::new(if fallible(method).is_some() { "attempt" } else { "call" }, Span::call_site());
        let how = respanned(quote!(#mosaik::#how), returned_span(method));
        // The bound on what comes back is asserted here, at the user's type.
        let call = quote_spanned!(returned_span(method)=> #how(&self.0, #command::#ident #arguments).await);
        let head = self.head(method, &outcome(method, &returned, &mosaik));
        quote!(#head { #call })
    }

    /// A query on a handle.
    fn read(&self, method: &Method, how: &str) -> TokenStream {
        let (mosaik, ident, returned) = (self.paths.short(), method.ident(), self.returned(method));
        let (how, state) = (Ident::new(how, Span::call_site()), ours("state"));
        let arguments = method.data().map(argument_name);
        let head = self.head(method, &quote!(::core::result::Result<#returned, #mosaik::ReadError>));
        quote!(#head { #mosaik::#how(&self.0, move |#state| #state.#ident(#(#arguments),*)).await })
    }
}

/// `pub async fn deposit(&self, account: String) -> …`
pub(super) fn head(method: &Method, returned: &TokenStream, state: &Type) -> TokenStream {
    let told = |attribute: &&Attribute| {
        ["doc", "cfg", "deprecated"].iter().any(|word| attribute.path().is_ident(word))
    };
    let told = method.attributes.iter().filter(told);
    let ident = method.ident();
    let lifetimes: Vec<_> = method
        .signature
        .generics
        .params
        .iter()
        .filter(|parameter| matches!(parameter, GenericParam::Lifetime(_)))
        .collect();
    let generics = (!lifetimes.is_empty()).then(|| quote!(<#(#lifetimes),*>));
    let state = state.to_token_stream();
    let arguments = method.data().map(|argument| {
        let (name, ty) = (argument_name(argument), replace_self(argument.ty.to_token_stream(), &state));
        quote!(#name: #ty)
    });
    quote!(#(#told)* pub async fn #ident #generics(&self #(, #arguments)*) -> #returned)
}

/// What a command returns to its caller.
pub(super) fn outcome(method: &Method, returned: &TokenStream, mosaik: &TokenStream) -> TokenStream {
    let result = quote!(::core::result::Result);
    match fallible(method) {
        None => quote!(#result<#returned, #mosaik::CommandError>),
        Some(Some((ok, error))) => quote!(#result<#ok, #mosaik::CommandError<#error>>),
        Some(None) => {
            let part = |name: &str| {
                let name = Ident::new(name, Span::call_site());
                quote!(<#returned as #mosaik::Fallible>::#name)
            };
            let (ok, error) = (part("Ok"), part("Error"));
            quote!(#result<#ok, #mosaik::CommandError<#error>>)
        }
    }
}

/// Whether the method returns something that is spelled `Result`, and its two parts when both are spelled.
fn fallible(method: &Method) -> Option<Option<(&Type, &Type)>> {
    let ReturnType::Type(_, ty) = &method.signature.output else { return None };
    let Type::Path(path) = &**ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Some(None) };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(match (types.next(), types.next()) {
        (Some(ok), Some(error)) if !mentions_self(ty) => Some((ok, error)),
        _ => None,
    })
}

fn mentions_self(ty: &Type) -> bool {
    fn search(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => word == "Self",
            TokenTree::Group(group) => search(group.stream()),
            _ => false,
        })
    }
    search(ty.to_token_stream())
}

fn replace_self(tokens: TokenStream, state: &TokenStream) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(word) if word == "Self" => state.clone(),
        TokenTree::Group(group) => {
            let mut inner = proc_macro2::Group::new(group.delimiter(), replace_self(group.stream(), state));
            inner.set_span(group.span());
            TokenTree::from(inner).into()
        }
        token => token.into(),
    });
    replaced.collect()
}

fn returned_span(method: &Method) -> Span {
    match &method.signature.output {
        ReturnType::Default => method.ident().span(),
        ReturnType::Type(_, ty) => ty.span(),
    }
}

/// The name of an argument; one that has none is no longer here.
pub(super) fn argument_name(argument: &Argument) -> Ident {
    argument.name.clone().unwrap_or_else(|| ours("_argument"))
}

/// `Self::deposit(account, amount)`, as a pattern and as a value.
fn pattern(method: &Method, of: &TokenStream) -> TokenStream {
    let (ident, names) = (method.ident(), method.data().map(argument_name).collect::<Vec<_>>());
    let fields = (!names.is_empty()).then(|| quote!((#(#names),*)));
    quote!(#of::#ident #fields)
}

/// `(account, amount)`
fn tuple(method: &Method) -> TokenStream {
    let names = method.data().map(argument_name);
    quote!((#(#names,)*))
}

/// What is matched: of an enum without variants there is no reference to match.
fn matched(methods: &[&Method]) -> TokenStream {
    if methods.is_empty() { quote!(*self) } else { quote!(self) }
}

fn method_name(method: &Method) -> String {
    method.ident().to_string().trim_start_matches("r#").to_owned()
}

/// The id of a method on the wire; the same rule as the runtime's, held by golden vectors on both sides.
fn id(method: &Method) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] =
        blake3::derive_key("mosaik 1 method id", method_name(method).as_bytes());
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

fn literal(method: &Method) -> Literal {
    Literal::u64_unsuffixed(id(method))
}
