//! The door through which generated code enters: the only names that it uses.
//!
//! Not for people. Names here may change with any release, together with the attributes.

pub use futures::future::BoxFuture;
pub use mosaik_runtime::{
    collections::{
        Alone, Bundle, Cell, Collection, Collections, Declared as DeclaredCollection, Handles, Holds,
        OpenedReaders, OpenedWriters, Opening, Opens, Part, PartOf, Reader, Readers, Together, Writer,
        Writers, bundle_shape, collection_shape, group_of, open_readers, open_writers, part, part_of,
        readers_of, reads, writes,
    },
    groups::{
        Apply, Command, CommandError, Declared, Earlier, Group, Method, ReadError, Reply, StateMachine, Weak,
        generated::{
            Decoded, Encoded, Fallible, ask, attempt, call, decode, earlier, encode, machine_shape,
            no_such_method, peek,
        },
    },
    node::{FromNode, Node, NodeEntry, NodeItem, Result},
    primitives::{
        PeerId, PeerView, Reach,
        codec::shared,
        policy::Rule,
        schema::{Schema, Seen, Shape, ShapeOf},
    },
    streams::{Accepted, Anyone, Datum},
    tickets::{JwtProof, Proof, ProofDescriptor, ProofKind, TdxPlatform, TdxProof, own as own_proof},
    topology::{
        BundleDescriptor, CollectionDescriptor, GroupDescriptor, GroupOptions, Intent, KeySource,
        NodeDescriptor, OnlineWhen, Overflow, Role, Source, Storage, StreamDescriptor, StreamOptions,
        VoterSet,
    },
};
pub use serde::{self, Deserialize, Serialize};

#[cfg(feature = "main")]
pub use crate::cli::{run_main, run_main_with};
#[cfg(feature = "cli")]
pub use crate::tool::run as tool;
pub use crate::{
    gate::{built_with_jwt, built_with_tdx, gate},
    parameter::Parameter,
};
use mosaik_runtime::node::Error;

/// What a node's function returned, with any error as a report.
pub fn finish<E: Into<Error>>(ended: std::result::Result<(), E>) -> Result<()> {
    ended.map_err(Into::into)
}

/// The function `main` of a program without the feature that has the command line.
#[cfg(not(feature = "main"))]
pub fn run_main(_: &[NodeEntry]) -> std::process::ExitCode {
    eprintln!("this program was built without mosaik's feature `main`, which runs nodes from a command line");
    std::process::ExitCode::from(2)
}

/// As [`run_main`].
#[cfg(not(feature = "main"))]
pub fn run_main_with(
    entries: &[NodeEntry],
    _: mosaik_runtime::node::TicketSources,
) -> std::process::ExitCode {
    run_main(entries)
}
