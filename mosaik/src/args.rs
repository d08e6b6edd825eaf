//! `Args<T>`: the program's own options beside those of every node.

use std::{any::TypeId, fmt, ops::Deref, sync::Arc};

use clap::{ArgMatches, Command};
use mosaik_runtime::{
    node::{Extensions, FromNode, Node},
    topology::{NodeDescriptor, Role},
};

use crate::Result;

/// The program's own options, as a parameter of a node. `T` derives `mosaik::Args`; its options stand beside mosaik's in `--help`.
///
/// ```
/// use mosaik::prelude::*;
///
/// #[derive(Args)]
/// struct Options {
///     /// How often to measure.
///     #[arg(long, default_value_t = 1)]
///     seconds: u64,
/// }
///
/// fn pause(options: &Args<Options>) -> Duration {
///     Duration::from_secs(options.seconds)
/// }
/// # fn main() {}
/// ```
pub struct Args<T>(Arc<Given<T>>);

/// What the command line gave.
struct Given<T>(T);

impl<T> Deref for Args<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T> Clone for Args<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for Args<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Args").field(&**self).finish()
    }
}

impl<T: clap::Args + Send + Sync + 'static> FromNode for Args<T> {
    const ROLE: Role = Role::Extra(&Hook {
        id: TypeId::of::<T>,
        type_name: std::any::type_name::<T>,
        augment: T::augment_args,
        read: read::<T>,
    });

    async fn from_node(node: &Node) -> Result<Self> {
        match node.extension::<Given<T>>() {
            Some(given) => Ok(Self(given)),
            // Nobody read a command line: a simulation. The options have their defaults.
            None => {
                let command = T::augment_args(Command::new("node")).no_binary_name(true);
                let matches = command.try_get_matches_from([""; 0])?;
                Ok(Self(Arc::new(Given(T::from_arg_matches(&matches)?))))
            }
        }
    }
}

/// What the command line must know of a `T` in `Args<T>`; it travels in the node's descriptor.
pub(crate) struct Hook {
    id: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) augment: fn(Command) -> Command,
    pub(crate) read: fn(&ArgMatches, Extensions) -> std::result::Result<Extensions, clap::Error>,
}

impl Hook {
    /// The hooks of a node.
    pub(crate) fn of(node: &'static NodeDescriptor) -> Vec<&'static Self> {
        let roles = node.flat_roles().into_iter();
        roles
            .filter_map(|role| if let Role::Extra(extra) = role { extra.downcast_ref() } else { None })
            .collect()
    }

    pub(crate) fn is_for_the_type_of(&self, other: &Self) -> bool {
        (self.id)() == (other.id)()
    }
}

fn read<T: clap::Args + Send + Sync + 'static>(
    matches: &ArgMatches,
    extensions: Extensions,
) -> std::result::Result<Extensions, clap::Error> {
    Ok(extensions.with(Given(T::from_arg_matches(matches)?)))
}
