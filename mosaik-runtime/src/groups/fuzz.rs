//! Fuzz targets of groups: what nodes say before they have a bond, over it, and over channels.

use bytes::Bytes;

use super::{
    MemberId,
    birth::{ClusterId, Genesis, GenesisHash, Member, StoreId},
    bond,
    pull::{MAX_CHUNK, part},
    raft,
    store::record::{ChunkHash, Entry, LogId, Manifest, Membership, Payload, Vote},
    wire::{
        Append, AppendAnswer, Appended, BirthMessage, ChannelKind, ChunkAnswer, ChunkAsk, Control, Hello,
        KeyProof, KeyRefusal, Open, Prove, Proved, Request, Response, TransferAnswer, TransferAsk,
        VoteAnswer, VoteAsk, Why,
    },
};
use crate::primitives::{
    BootId, PeerId, WireId,
    fuzz::{Target, bytes, round_trip},
};

fn member() -> MemberId {
    MemberId::new(PeerId::from_bytes([4; 32]), 7)
}

fn vote() -> Vote {
    Vote { term: 3, member: member(), committed: true }
}

fn hello() -> Hello {
    let cluster = Some(ClusterId::from_bytes([5; 32]));
    Hello {
        store: StoreId(9),
        boot: BootId(300),
        eligible: true,
        member: Some(member()),
        cluster,
        committed: 300,
        leads: crate::groups::settings::Leads::Normal,
    }
}

fn appended() -> Appended {
    let id = |index| LogId { term: 3, index };
    let members = Membership { configs: vec![[member()].into()], members: [member()].into() };
    let entries = vec![
        Entry { id: id(8), payload: Payload::Blank },
        Entry { id: id(9), payload: Payload::Command(Bytes::from_static(b"c")) },
        Entry { id: id(10), payload: Payload::Membership(members) },
    ];
    Appended { vote: vote(), before: Some(id(7)), entries, committed: Some(id(6)) }
}

/// The handshake of a bond, and the first frame of a channel.
pub(crate) const BONDS: Target = Target {
    name: "bonds",
    run: |bytes| {
        if let Some(Prove::V1 { proof, .. }) = round_trip::<Prove>(bytes) {
            bond::fuzz_proof(&proof);
        }
        if let Some(Proved::V1 { proof, hello, .. }) = round_trip::<Proved>(bytes) {
            bond::fuzz_proof(&proof);
            bond::fuzz_hello(hello);
        }
        if let Some(Open::V1 { channel, .. }) = round_trip::<Open>(bytes) {
            assert!(channel.priority() < super::wire::CONTROL_PRIORITY);
        }
    },
    seeds: || {
        let group = WireId::from_bytes([6; 32]);
        let open =
            |channel| bytes(&Open::V1 { group, channel, extensions: vec![(1, Bytes::from_static(b"x"))] });
        let proof = KeyProof::Key([7; 32]);
        vec![
            bytes(&Prove::V1 { proof: proof.clone(), extensions: Vec::new() }),
            bytes(&Prove::V1 { proof: KeyProof::NoKey, extensions: vec![(1, Bytes::from_static(b"x"))] }),
            bytes(&Proved::V1 { proof, hello: hello(), extensions: Vec::new() }),
            bytes(&Proved::Refused(KeyRefusal::OtherKey)),
            bytes(&Proved::Bonded),
            open(ChannelKind::Append { to: member(), from: member() }),
            open(ChannelKind::Commands),
        ]
    },
};

/// What a bond carries.
pub(crate) const MEMBERS: Target = Target {
    name: "members",
    run: |bytes| match round_trip::<Control>(bytes) {
        Some(Control::Hello { hello, .. }) => bond::fuzz_hello(hello),
        Some(Control::Tell(BirthMessage::Promise(genesis, _))) => {
            let _ = (genesis.hash(), genesis.is_well_formed());
        }
        Some(Control::Request { request: Request::Append(append), .. }) => {
            raft::fuzz_appended(append.appended)
        }
        Some(Control::Request { request: Request::Snapshot { manifest, .. }, .. }) => {
            let _ = raft::convert::snapshot_meta(&manifest);
        }
        Some(Control::Response { response: Response::Refused(why), .. }) => drop(why.to_string()),
        _ => {}
    },
    seeds: || {
        let first = Member { peer: PeerId::from_bytes([4; 32]), store: StoreId(9) };
        let genesis = Genesis::new(WireId::from_bytes([6; 32]), first, 2, vec![first]);
        let request = |request| bytes(&Control::Request { id: 300, request });
        let response = |response| bytes(&Control::Response { id: 300, response });
        let ask = VoteAsk { to: member(), vote: vote(), last: None, transfer: true };
        let transfer = TransferAsk { to: member(), vote: vote(), next: member(), last: None };
        let manifest = Manifest { chunks: vec![ChunkHash([8; 32])], bytes: 300, ..Manifest::default() };
        let (to, from) = (member(), member());
        vec![
            bytes(&Control::Hello { hello: hello(), extensions: Vec::new() }),
            bytes(&Control::Tell(BirthMessage::Promise(genesis, first))),
            bytes(&Control::Tell(BirthMessage::Refusal(GenesisHash::from_bytes([8; 32])))),
            request(Request::Vote(ask)),
            request(Request::Append(Append { to, from, appended: appended() })),
            request(Request::TransferLeader(transfer)),
            request(Request::Join { cluster: ClusterId::from_bytes([5; 32]), store: StoreId(9) }),
            request(Request::Snapshot { to, from, vote: vote(), manifest }),
            response(Response::Vote(VoteAnswer { vote: vote(), granted: true, last: None })),
            response(Response::Append(AppendAnswer::HigherVote(vote()))),
            response(Response::TransferLeader(TransferAnswer::Behind { last: None })),
            response(Response::Refused(Why::NotLeader { leader: Some(member()) })),
            response(Response::Refused(Why::Failed("broken".to_owned()))),
        ]
    },
};

/// What goes over channels: entries, their answers, and parts of snapshots.
pub(crate) const CHANNELS: Target = Target {
    name: "channels",
    run: |bytes| {
        if let Some(appended) = round_trip::<Appended>(bytes) {
            raft::fuzz_appended(appended);
        }
        let _ = round_trip::<AppendAnswer>(bytes);
        if let Some(ChunkAsk::V1 { offset, length, .. }) = round_trip::<ChunkAsk>(bytes) {
            let chunk = Bytes::from_static(&[7; 300]);
            let ChunkAnswer::Part { of, bytes } = part(&chunk, offset, length) else { panic!("it is here") };
            let left = chunk.len().saturating_sub(offset as usize);
            assert_eq!((of, bytes.len()), (300, left.min(length as usize).min(MAX_CHUNK)));
        }
        let _ = round_trip::<ChunkAnswer>(bytes);
    },
    seeds: || {
        let ask = |offset, length| bytes(&ChunkAsk::V1 { hash: ChunkHash([8; 32]), offset, length });
        vec![
            bytes(&appended()),
            bytes(&AppendAnswer::Matching(Some(LogId { term: 3, index: 300 }))),
            bytes(&AppendAnswer::Refused(Why::NotMe)),
            ask(0, 32 * 1024),
            ask(299, 1),
            ask(u32::MAX, u32::MAX),
            bytes(&ChunkAnswer::Part { of: 300, bytes: Bytes::from_static(b"part") }),
            bytes(&ChunkAnswer::Missing),
        ]
    },
};
