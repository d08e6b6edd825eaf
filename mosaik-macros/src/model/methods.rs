//! The commands and queries of a group.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Generics, ReceiverKind, Signature, Type, Visibility};

/// What `#[methods]` declares.
pub(crate) struct Methods {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) generics: Generics,
    /// The trait, if this is the impl of one.
    pub(crate) of_trait: Option<syn::Path>,
    /// The state.
    pub(crate) ty: Type,
    /// Everything in the block, in order.
    pub(crate) items: Vec<Item>,
}

impl Methods {
    /// The name of the state's type.
    pub(crate) fn name(&self) -> Option<&Ident> {
        match &self.ty {
            Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
            _ => None,
        }
    }

    /// The methods that travel.
    pub(crate) fn travelling(&self) -> impl Iterator<Item = &Method> {
        self.items.iter().filter_map(|item| match item {
            Item::Method(method) if method.travels() => Some(&**method),
            _ => None,
        })
    }

    /// Those that change the state.
    pub(crate) fn commands(&self) -> Vec<&Method> {
        self.travelling().filter(|method| method.is_command()).collect()
    }

    /// Those that read it.
    pub(crate) fn queries(&self) -> Vec<&Method> {
        self.travelling().filter(|method| !method.is_command()).collect()
    }
}

/// One thing in the block.
pub(crate) enum Item {
    Method(Box<Method>),
    /// A constant, or anything else that is none of our business.
    Other(TokenStream),
}

/// One function of the block.
pub(crate) struct Method {
    /// Its attributes, without ours.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// The body, unread but for words that have no place in a command.
    pub(crate) body: TokenStream,
    /// `#[skip]`
    pub(crate) skipped: bool,
    /// `#[allow_nondeterminism]`
    pub(crate) allowed: bool,
    pub(crate) arguments: Vec<Argument>,
}

impl Method {
    /// Whether it becomes a command or a query: `pub`, with a receiver, and not skipped.
    pub(crate) fn travels(&self) -> bool {
        !self.skipped
            && matches!(self.visibility, Visibility::Public(_))
            && self.signature.receiver().is_some()
    }

    /// Whether it takes `&mut self`.
    pub(crate) fn is_command(&self) -> bool {
        let receiver = self.signature.receiver();
        receiver.is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(_, _, Some(_))))
    }

    /// Its name.
    pub(crate) fn ident(&self) -> &Ident {
        &self.signature.ident
    }

    /// The arguments that travel.
    pub(crate) fn data(&self) -> impl Iterator<Item = &Argument> {
        self.arguments.iter().filter(|argument| argument.kind != Passed::Context)
    }
}

/// One parameter beside the receiver.
pub(crate) struct Argument {
    /// Its name; `None` for a pattern.
    pub(crate) name: Option<Ident>,
    pub(crate) pattern: syn::Pat,
    /// As written.
    pub(crate) ty: Type,
    /// As it travels.
    pub(crate) owned: Type,
    pub(crate) kind: Passed,
}

/// How a method takes an argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// By value.
    Value,
    /// As a shared reference to what travels.
    Reference,
    /// It is `&Apply`, which does not travel.
    Context,
}
