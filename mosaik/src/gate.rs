//! The gate of the compiler: a role that asks for a proof, on a node that does not say that it proves it.
//!
//! It runs while the user's program is compiled, so it is made of loops and bytes. What it cannot judge (a proof under `|`) is
//! judged when the node starts, and everything is judged again at each link.

use mosaik_runtime::{
    primitives::policy::{ProofRef, Rule},
    topology::Role,
};

/// The longest message, in bytes.
const MOST: usize = 512;
const WITHOUT_JWT: &str = "this program is built without the feature `jwt` of mosaik\n       help: write `features = [\"jwt\"]` in Cargo.toml";
const WITHOUT_TDX: &str = "this program is built without the feature `tdx` of mosaik\n       help: write `features = [\"tdx\"]` in Cargo.toml";

/// Ends the compilation if `role` asks for a proof that is not among `proves`.
#[track_caller]
pub const fn gate(node: &str, role: &Role, proves: &[ProofRef]) {
    if let Some(proof) = missing_of_role(role, proves) {
        let proof = called(proof, proves);
        let text = Text::new()
            .and("`")
            .and(node)
            .and("` must prove `")
            .and(proof)
            .and("` to take this role\n       help: if this program can prove it, add `proves = ")
            .and(proof)
            .and("` to `#[mosaik::node]`\n       note: the role is open only to nodes that prove `")
            .and(proof)
            .and("`, as its `require(..)` says");
        panic!("{}", text.as_str()); // impossible: in a running program, for the compiler runs it
    }
}

/// Ends the compilation if the program is built without the feature `jwt`.
#[track_caller]
pub const fn built_with_jwt() {
    if !cfg!(feature = "jwt") {
        panic!("{}", WITHOUT_JWT); // impossible: in a running program, for the compiler runs it
    }
}

/// Ends the compilation if the program is built without the feature `tdx`.
#[track_caller]
pub const fn built_with_tdx() {
    if !cfg!(feature = "tdx") {
        panic!("{}", WITHOUT_TDX); // impossible: in a running program, for the compiler runs it
    }
}

const fn missing_of_role(role: &Role, proves: &[ProofRef]) -> Option<ProofRef> {
    match role {
        Role::Produces(stream) => missing(&stream.producers, proves),
        Role::Consumes(stream) => missing(&stream.consumers, proves),
        Role::Member(group) => missing(&group.members, proves),
        Role::Writes(collection) => missing(&collection.group.members, proves),
        Role::Reads(collection) => missing(&collection.readers, proves),
        Role::All(roles) => {
            let mut at = 0;
            while at < roles.len() {
                if let Some(proof) = missing_of_role(&roles[at], proves) {
                    return Some(proof);
                }
                at += 1;
            }
            None
        }
        Role::Learns(_) | Role::Extra(_) | Role::None => None,
    }
}

/// The first proof that every way to meet the rule needs, and that is not proven.
const fn missing(rule: &Rule, proves: &[ProofRef]) -> Option<ProofRef> {
    match rule {
        Rule::Proof(proof) if !contains(proves, proof.path) => Some(*proof),
        Rule::Both(a, b) => match missing(a, proves) {
            Some(proof) => Some(proof),
            None => missing(b, proves),
        },
        _ => None,
    }
}

/// Proofs are told apart by the module that declares them and their name.
const fn contains(proves: &[ProofRef], path: &str) -> bool {
    let mut at = 0;
    while at < proves.len() {
        if same(proves[at].path.as_bytes(), path.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

/// What to call a proof: by its name, or by its path where the node proves another one of that name.
const fn called(proof: ProofRef, proves: &[ProofRef]) -> &'static str {
    let mut at = 0;
    while at < proves.len() {
        if same(proves[at].name.as_bytes(), proof.name.as_bytes()) {
            return proof.path;
        }
        at += 1;
    }
    proof.name
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A message in the making.
struct Text {
    bytes: [u8; MOST],
    len: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; MOST], len: 0 }
    }

    /// The text and one more piece; a piece that does not fit is left out.
    const fn and(mut self, piece: &str) -> Self {
        let piece = piece.as_bytes();
        if self.len + piece.len() <= MOST {
            let mut at = 0;
            while at < piece.len() {
                self.bytes[self.len + at] = piece[at];
                at += 1;
            }
            self.len += piece.len();
        }
        self
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "a proof is missing",
        }
    }
}
