//! What fuzz targets hold the handshake to.

use super::{
    GroupKey,
    handshake::checked,
    key::{Binding, Role, prove, verify},
};
use crate::{
    groups::wire::{Hello, KeyProof},
    primitives::{BootId, PeerId, WireId},
};

/// Only a right proof is believed.
pub(in crate::groups) fn fuzz_proof(proof: &KeyProof) {
    let binding = Binding {
        exporter: [1; 32],
        group: WireId::from_bytes([6; 32]),
        dialler: PeerId::from_bytes([2; 32]),
        acceptor: PeerId::from_bytes([3; 32]),
    };
    for key in [None, GroupKey::new(&[9; 16]).ok()] {
        for role in [Role::Dialler, Role::Acceptor] {
            let believed = verify(key.as_ref(), role, &binding, proof).is_ok();
            assert_eq!(believed, *proof == prove(key.as_ref(), role, &binding));
        }
    }
}

/// A `Hello` is about the node that says it.
pub(in crate::groups) fn fuzz_hello(hello: Hello) {
    let (peer, boot) = (PeerId::from_bytes([4; 32]), BootId(300));
    if let Ok(hello) = checked(hello, peer, boot) {
        assert_eq!(hello.boot, boot);
        assert!(hello.member.is_none_or(|member| member.peer == peer));
    }
}
