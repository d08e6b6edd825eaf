//! Fuzz targets of the transport: frames, the `Hello`, control messages.

use bytes::{Bytes, BytesMut};

use crate::primitives::{
    BootId, NetworkId, NetworkSecret, PeerId, Version,
    fuzz::{Input, Target, bytes, pack, round_trip},
};

use super::{
    control::{Control, Ending, Step},
    error::LinkError,
    frame::{PREFIX, framed, take},
    hello::{Binding, Hello, HelloV1, Membership, NetworkProof, REVISIONS, Role},
};

/// Frames that arrive in pieces.
pub(crate) const FRAMES: Target = Target {
    name: "frames",
    run: |bytes| {
        let mut input = Input::new(bytes);
        let limit = usize::from(input.byte()) * 16;
        let (mut buffer, mut fed, mut taken) = (BytesMut::new(), 0, 0);
        while let Some(piece) = input.piece() {
            buffer.extend_from_slice(piece);
            fed += piece.len();
            loop {
                match take(&mut buffer, limit) {
                    Ok(Some(frame)) => {
                        assert!(frame.len() <= limit);
                        taken += PREFIX + frame.len();
                    }
                    Ok(None) => break,
                    Err(error) => return assert!(matches!(error, LinkError::TooLarge { .. })),
                }
            }
            assert_eq!(taken + buffer.len(), fed, "no byte is lost");
            assert!(buffer.len() < PREFIX + limit.max(1), "no more is kept than one frame");
        }
    },
    seeds: || {
        let frame = |body: &[u8]| framed(body, 4096).unwrap_or_default();
        let (whole, empty) = (frame(b"hello"), frame(b""));
        let with_limit = |pieces: &[Vec<u8>]| [vec![16], pack(pieces)].concat();
        vec![
            with_limit(&[whole.clone(), empty.clone(), whole.clone()]),
            with_limit(&whole.iter().map(|byte| vec![*byte]).collect::<Vec<_>>()),
            with_limit(&[vec![0xff; 4]]),
            [vec![0], pack(&[empty, whole])].concat(),
        ]
    },
};

fn membership(secrets: &[u8]) -> Membership {
    let secret = |byte: &u8| NetworkSecret::new(&[*byte; 32]).ok();
    Membership { network: NetworkId::derive("fuzz"), secrets: secrets.iter().filter_map(secret).collect() }
}

fn binding() -> Binding {
    let alpn = b"/mosaik/streams/1".to_vec();
    let (dialler, acceptor) = (PeerId::from_bytes([2; 32]), PeerId::from_bytes([3; 32]));
    Binding { exporter: [1; 32], dialler, acceptor, alpn }
}

/// The first frame of a connection.
pub(crate) const HELLO: Target = Target {
    name: "hello",
    run: |bytes| {
        let Some(Hello::V1(hello)) = round_trip::<Hello>(bytes) else { return };
        let binding = binding();
        for members in [membership(&[]), membership(&[9]), membership(&[8, 9])] {
            for role in [Role::Dialler, Role::Acceptor] {
                let believed = members.verify(role, &binding, &hello.network).is_ok();
                let proofs =
                    (0..members.secrets.len().max(1)).map(|with| members.prove(role, &binding, Some(with)));
                let right = proofs.into_iter().any(|proof| proof == hello.network);
                assert_eq!(believed, right, "only a right proof is believed");
            }
        }
    },
    seeds: || {
        let hello = |network| {
            let (boot, extensions) = (BootId(7), vec![(7, Bytes::from_static(b"x"))]);
            let holds_of_you = Some(Version { incarnation: 2, counter: 300 });
            bytes(&Hello::V1(HelloV1 {
                revisions: REVISIONS.to_vec(),
                network,
                boot,
                holds_of_you,
                extensions,
            }))
        };
        let proof = |secrets: &[u8], role| hello(membership(secrets).prove(role, &binding(), None));
        vec![
            proof(&[], Role::Dialler),
            proof(&[9], Role::Dialler),
            proof(&[8], Role::Acceptor),
            hello(NetworkProof::Secret([0; 32])),
        ]
    },
};

/// What is said on the stream of the `Hello` afterwards, until a connection ends.
pub(crate) const CONTROL: Target = Target {
    name: "control",
    run: |bytes| {
        let mut input = Input::new(bytes);
        let mut ending = Ending::default();
        let mut said = Vec::new();
        while let Some(piece) = input.piece() {
            match round_trip::<Control>(piece) {
                Some(Control::Draining { opened, .. }) => ending.announced(opened),
                Some(Control::Drained) => ending.peer_drained(),
                Some(Control::Ping(_) | Control::Pong(_)) => {}
                None => ending.begin(),
            }
            let (accepted, open) = (input.number(), usize::from(input.byte()));
            for _ in 0..4 {
                said.extend(ending.next(accepted, open));
            }
        }
        let count = |step| said.iter().filter(|other| **other == step).count();
        assert!(count(Step::SayDraining) <= 1 && count(Step::SayDrained) <= 1, "each is said once");
    },
    seeds: || {
        let says = |controls: &[Control]| {
            let one = |control: &Control| [pack(&[bytes(control)]), vec![0, 2, 0]].concat();
            controls.iter().flat_map(one).collect::<Vec<_>>()
        };
        vec![
            says(&[Control::Ping(300), Control::Pong(300)]),
            says(&[Control::Draining { opened: 2, code: 11 }, Control::Drained]),
            says(&[Control::Drained, Control::Draining { opened: u64::MAX, code: u32::MAX }]),
        ]
    },
};
