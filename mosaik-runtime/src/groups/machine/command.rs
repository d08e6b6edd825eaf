//! Commands and replies as they travel, and the shape of a machine.

use serde::{Serialize, de::DeserializeOwned};

use super::{MachineSettings, StateMachine, settings::RULES};
use crate::primitives::{
    Fingerprint, Schema,
    codec::{self, DecodeError, EncodeError},
    ids::hex,
    schema::{self, Record, Seen, Shape, ShapeOf},
};

/// One method of a machine that changes it. On the wire a method is its id; there is no index that a reordering could change.
#[derive(Debug, Clone)]
pub struct Method {
    /// What names it on the wire, see [`Method::id_of`].
    pub id: u64,
    /// Its name, for people.
    pub name: &'static str,
    /// The shape of its arguments, as a tuple.
    pub shape: ShapeOf,
}

impl Method {
    /// A method.
    pub fn new(name: &'static str, shape: ShapeOf) -> Self {
        Self { id: Self::id_of(name), name, shape }
    }

    /// The id of a method: the first eight bytes of `blake3::derive_key("mosaik 1 method id", name)`, little-endian.
    pub fn id_of(name: &str) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = blake3::derive_key("mosaik 1 method id", name.as_bytes());
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The only method of a machine whose commands are one serde type: `Method::id_of("command")`.
pub const COMMAND: u64 = 0xab66_b9ab_0192_0467;

/// What travels to change a state. Any type with serde and a schema is one; `#[methods]` makes one with a method for each method.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a command",
    label = "it has no wire form",
    note = "if `{Self}` is yours, put `#[mosaik::data]` on it"
)]
pub trait Command: Sized + Send + 'static {
    /// All methods, ascending by id.
    fn methods() -> Vec<Method>;

    /// The method that this calls.
    fn method(&self) -> u64;

    /// Appends the arguments. On an error nothing is appended.
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads arguments that take up all of `bytes`. Use [`codec::decode_deep`] for them.
    fn decode(method: u64, bytes: &[u8]) -> Result<Self, DecodeError>;
}

/// What a command answers, as it travels back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply to a command",
    label = "it has no wire form",
    note = "if `{Self}` is yours, put `#[mosaik::data]` on it"
)]
pub trait Reply: Sized + Send + 'static {
    /// Appends the reply. On an error nothing is appended.
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Reads the reply of a method, which takes up all of `bytes`.
    fn decode(method: u64, bytes: &[u8]) -> Result<Self, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Schema + Send + 'static> Command for T {
    fn methods() -> Vec<Method> {
        vec![Method { id: COMMAND, name: "command", shape: T::shape }]
    }

    fn method(&self) -> u64 {
        COMMAND
    }

    fn encode(&self, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        codec::encode_deep_into(self, into)
    }

    fn decode(method: u64, bytes: &[u8]) -> Result<Self, DecodeError> {
        match method {
            COMMAND => codec::decode_deep(bytes),
            other => Err(DecodeError::Malformed(format!("this machine has no method {other:016x}"))),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Reply for T {
    fn encode(&self, into: &mut Vec<u8>) -> Result<(), EncodeError> {
        codec::encode_deep_into(self, into)
    }

    fn decode(_method: u64, bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_deep(bytes)
    }
}

/// What two programs must agree on to read each other's bytes: the shape of the state, and each method's name and arguments.
pub fn schema<M: StateMachine>() -> (Fingerprint, Shape) {
    let methods = M::Command::methods();
    let methods = methods.iter().map(|m| (m.name.to_owned(), (m.shape)(&mut Seen::default()))).collect();
    let methods = Record { name: "methods".to_owned(), label: None, fields: methods };
    let fields =
        vec![("state".to_owned(), schema::of::<M>()), ("methods".to_owned(), Shape::Struct(methods))];
    let shape = Shape::Struct(Record { name: "machine".to_owned(), label: None, fields });
    (shape.fingerprint(), shape)
}

/// What two members compare before they bond: a machine's [`schema`], and all else that the log's meaning depends on. Members that
/// began with different states, or forget at different times, would differ for ever without a sign of it.
///
/// A machine that began as one of an `earlier` contract says so too.
pub(super) fn contract(
    schema: Shape,
    initial: &[u8],
    earlier: Option<Fingerprint>,
    limits: &MachineSettings,
) -> (Fingerprint, Shape) {
    let MachineSettings { snapshot_bytes, snapshot_entries, sessions, outstanding, kept, chunk } = limits;
    let limits = format!(
        "{sessions} sessions of {outstanding} serials and {kept} bytes, snapshots after {snapshot_bytes} bytes or {snapshot_entries} entries in \
         chunks of {chunk}, rules {RULES}"
    );
    let initial = format!("hash {}", hex(&blake3::hash(initial).as_bytes()[..8]));
    let earlier = earlier.map(|earlier| ("earlier".to_owned(), Shape::Opaque(earlier.to_string())));
    let fields = vec![
        ("machine".to_owned(), schema),
        ("initial state".to_owned(), Shape::Opaque(initial)),
        ("limits".to_owned(), Shape::Opaque(limits)),
    ];
    let fields = fields.into_iter().chain(earlier).collect();
    let shape = Shape::Struct(Record { name: "group".to_owned(), label: None, fields });
    (shape.fingerprint(), shape)
}
