use super::*;
use crate::{
    groups::store::record::{ChunkHash, Entry, LogId, Membership, Payload},
    primitives::{PeerId, codec, ids::hex},
};

fn bytes<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: T,
) -> String {
    let bytes = codec::encode(&value).expect("encodes");
    assert_eq!(codec::decode::<T>(&bytes), Ok(value));
    // Ids are long: they are written as what they are.
    hex(&bytes)
        .replace(&"a1".repeat(32), "[peer]")
        .replace(&"b2".repeat(32), "[cluster]")
        .replace(&"c3".repeat(32), "[group]")
        .replace(&"d4".repeat(32), "[hash]")
}

fn member() -> MemberId {
    MemberId::new(PeerId::from_bytes([0xa1; 32]), 5)
}

fn vote() -> Vote {
    Vote { term: 3, member: member(), committed: true }
}

fn id(index: u64) -> Option<LogId> {
    Some(LogId { term: 3, index })
}

fn hello() -> Hello {
    let cluster = Some(ClusterId::from_bytes([0xb2; 32]));
    Hello {
        store: StoreId(9),
        boot: BootId(300),
        eligible: true,
        member: Some(member()),
        cluster,
        committed: 300,
        leads: Leads::Never,
    }
}

fn extensions() -> Extensions {
    vec![(1, Bytes::from_static(b"x"))]
}

#[test]
fn the_frames_of_a_handshake_have_golden_bytes() {
    let proof = KeyProof::Key([0xd4; 32]);
    let channel = ChannelKind::Append { to: member(), from: member() };
    let open =
        |channel| Open::V1 { group: WireId::from_bytes([0xc3; 32]), channel, extensions: extensions() };
    let found = [
        bytes(Prove::V1 { proof: proof.clone(), extensions: extensions() }),
        bytes(Prove::V1 { proof: KeyProof::NoKey, extensions: Vec::new() }),
        bytes(Proved::V1 { proof, hello: hello(), extensions: extensions() }),
        bytes(Proved::Refused(KeyRefusal::KeyNeeded)),
        bytes(Proved::Refused(KeyRefusal::NoKeyThere)),
        bytes(Proved::Refused(KeyRefusal::OtherKey)),
        bytes(Proved::Bonded),
        bytes(open(channel)),
        bytes(open(ChannelKind::Commands)),
        bytes(open(ChannelKind::Chunks)),
    ];
    assert_eq!(found.join("\n"), HANDSHAKE.join("\n"));
}

const HANDSHAKE: [&str; 10] = [
    "0001[hash]01010178",
    "000000",
    "0001[hash]09ac020101[peer]0501[cluster]ac020201010178",
    "0100",
    "0101",
    "0102",
    "02",
    "00[group]00[peer]05[peer]0501010178",
    "00[group]0101010178",
    "00[group]0201010178",
];

#[test]
fn the_frames_of_a_bond_have_golden_bytes() {
    let hash = GenesisHash::from_bytes([0xd4; 32]);
    let cluster = ClusterId::from_bytes([0xb2; 32]);
    let first = Member { peer: PeerId::from_bytes([0xa1; 32]), store: StoreId(9) };
    let genesis = Genesis::new(WireId::from_bytes([0xc3; 32]), first, 2, vec![first]);
    let found = [
        bytes(Control::Hello { hello: hello(), extensions: extensions() }),
        bytes(Control::Tell(BirthMessage::Ready)),
        bytes(Control::Tell(BirthMessage::Promise(genesis, first))),
        bytes(Control::Tell(BirthMessage::Refusal(hash))),
        bytes(Control::Tell(BirthMessage::Initialised(cluster))),
        bytes(Control::Tell(BirthMessage::Gone(member()))),
        bytes(Control::Request { id: 300, request: Request::Ping }),
        bytes(Control::Response { id: 300, response: Response::Pong }),
    ];
    assert_eq!(found.join("\n"), BOND.join("\n"));
}

const BOND: [&str; 8] = [
    "0009ac020101[peer]0501[cluster]ac020201010178",
    "0100",
    "0101[group][peer]090201[peer]09[peer]09",
    "0102[hash]",
    "0103[cluster]",
    "0104[peer]05",
    "02ac0200",
    "03ac0200",
];

#[test]
fn questions_have_golden_bytes() {
    let ask = VoteAsk { to: member(), vote: vote(), last: id(7), transfer: true };
    let entries =
        vec![Entry { id: LogId { term: 3, index: 8 }, payload: Payload::Command(Bytes::from_static(b"c")) }];
    let appended = Appended { vote: vote(), before: id(7), entries, committed: id(6) };
    let transfer = TransferAsk { to: member(), vote: vote(), next: member(), last: id(7) };
    let manifest = Manifest {
        last: id(7),
        membership_at: id(1),
        membership: Membership::default(),
        bytes: 300,
        chunks: vec![ChunkHash([0xd4; 32])],
    };
    let cluster = ClusterId::from_bytes([0xb2; 32]);
    let found = [
        bytes(Request::Ping),
        bytes(Request::Vote(ask)),
        bytes(Request::PreVote(ask)),
        bytes(Request::Append(Append { to: member(), from: member(), appended: appended.clone() })),
        bytes(Request::TransferLeader(transfer)),
        bytes(Request::ReadIndex),
        bytes(Request::Join { cluster, store: StoreId(9) }),
        bytes(Request::Leave { member: member() }),
        bytes(Request::Snapshot { to: member(), from: member(), vote: vote(), manifest }),
        bytes(Request::Digest { cluster, from: member(), at: LogId { term: 3, index: 7 }, hash: [0xd4; 32] }),
        bytes(Request::Park(ParkAsk { to: member(), vote: vote(), last: id(7) })),
        bytes(appended),
        bytes(ChunkAsk::V1 { hash: ChunkHash([0xd4; 32]), offset: 300, length: 4 }),
    ];
    assert_eq!(found.join("\n"), QUESTIONS_BYTES.join("\n"));
}

#[test]
fn a_question_beyond_the_last_one_that_is_known_is_told_from_a_broken_one() {
    let last = Request::Park(ParkAsk { to: member(), vote: vote(), last: id(7) });
    let frame = codec::encode(&Control::Request { id: 300, request: last }).expect("encodes");
    assert_eq!(frame[..4], [REQUEST as u8, 0xac, 2, QUESTIONS as u8 - 1], "the last one that is known");
    assert_eq!(unknown_question(&frame), None);
    let mut later = frame.clone();
    later[3] += 1;
    assert!(codec::decode::<Control>(&later).is_err());
    assert_eq!(unknown_question(&later), Some(300));
    assert_eq!(unknown_question(&later[..3]), None);
    later[0] += 1;
    assert_eq!(unknown_question(&later), None, "no question");
}

const QUESTIONS_BYTES: [&str; 13] = [
    "00",
    "01[peer]0503[peer]050101030701",
    "02[peer]0503[peer]050101030701",
    "03[peer]05[peer]0503[peer]0501010307010308010163010306",
    "04[peer]0503[peer]0501[peer]05010307",
    "05",
    "06[cluster]09",
    "07[peer]05",
    "08[peer]05[peer]0503[peer]05010103070103010000ac0201[hash]",
    "09[cluster][peer]050307[hash]",
    "0a[peer]0503[peer]0501010307",
    "03[peer]0501010307010308010163010306",
    "00[hash]ac0204",
];

#[test]
fn answers_have_golden_bytes() {
    let found = [
        bytes(Response::Pong),
        bytes(Response::Vote(VoteAnswer { vote: vote(), granted: true, last: id(7) })),
        bytes(Response::Append(AppendAnswer::Matching(id(7)))),
        bytes(Response::Append(AppendAnswer::Conflict(id(7)))),
        bytes(Response::Append(AppendAnswer::HigherVote(vote()))),
        bytes(Response::Append(AppendAnswer::Refused(Why::NotMe))),
        bytes(Response::TransferLeader(TransferAnswer::Heard)),
        bytes(Response::TransferLeader(TransferAnswer::VoteChanged { vote: vote() })),
        bytes(Response::TransferLeader(TransferAnswer::Behind { last: id(7) })),
        bytes(Response::ReadIndex { index: 300 }),
        bytes(Response::Welcomed { generation: 300 }),
        bytes(Response::Left),
        bytes(Response::Pulling { here: 1, of: 300 }),
        bytes(Response::Installed { vote: vote() }),
        bytes(Response::Refused(Why::NotMe)),
        bytes(Response::Refused(Why::NotYou)),
        bytes(Response::Refused(Why::NotLeader { leader: Some(member()) })),
        bytes(Response::Refused(Why::NoQuorum)),
        bytes(Response::Refused(Why::OtherCluster)),
        bytes(Response::Refused(Why::Stopping)),
        bytes(Response::Refused(Why::Busy)),
        bytes(Response::Refused(Why::Unsupported)),
        bytes(Response::Refused(Why::Failed("x".to_owned()))),
        bytes(Response::Refused(Why::Fenced)),
        bytes(Response::Digest { hash: Some([0xd4; 32]) }),
        bytes(Response::Parked),
        bytes(ChunkAnswer::Part { of: 300, bytes: Bytes::from_static(b"x") }),
        bytes(ChunkAnswer::Missing),
    ];
    assert_eq!(found.join("\n"), ANSWERS.join("\n"));
}

const ANSWERS: [&str; 28] = [
    "00",
    "0103[peer]050101010307",
    "0200010307",
    "0201010307",
    "020203[peer]0501",
    "020300",
    "0300",
    "030103[peer]0501",
    "0302010307",
    "04ac02",
    "05ac02",
    "06",
    "0701ac02",
    "0803[peer]0501",
    "0900",
    "0901",
    "090201[peer]05",
    "0903",
    "0904",
    "0905",
    "0906",
    "0907",
    "09080178",
    "0909",
    "0a01[hash]",
    "0b",
    "00ac020178",
    "01",
];
