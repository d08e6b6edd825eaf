//! The state machine of collections: all or nothing, one entry's changes, snapshots, golden bytes.

use super::*;
use crate::{
    collections::core::{
        Container, Map, MapChange, MapOperation, Set, SetOperation, Vec as Sequence, VecOperation,
    },
    groups::{
        Command, Reply,
        machine::{COMMAND, NotApplied},
    },
    primitives::{PeerId, codec, ids::hex},
};

type Prices = Map<String, u64>;

/// A value that contains itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

impl Schema for Tree {
    fn shape(_: &mut Seen) -> Shape {
        Shape::Opaque("tree".to_owned())
    }
}

/// Two collections.
struct Exchange;

impl Bundle for Exchange {
    fn parts() -> Vec<Part> {
        vec![Part::new::<Prices>("prices"), Part::new::<Set<u8>>("halted")]
    }
}

fn cx(index: u64, now: u64) -> Apply {
    Apply::made(Timestamp::from_millis(now), index, PeerId::from_bytes([7; 32]))
}

fn on<T: Container>(part: u64, operation: &T::Operation) -> Operation {
    Operation { part, body: codec::encode(operation).expect("encodes").into() }
}

fn price(symbol: &str, value: u64) -> Operation {
    on::<Prices>(0, &MapOperation::Insert { key: symbol.into(), value, lives: None })
}

fn absent(symbol: &str) -> Operation {
    on::<Prices>(0, &MapOperation::InsertIfAbsent { key: symbol.into(), value: 0 })
}

fn halt(item: u8) -> Operation {
    on::<Set<u8>>(1, &SetOperation::Insert { item })
}

fn prices<B>(machine: &Machine<B>) -> &Slot<Prices> {
    machine.slots()[0].as_any().downcast_ref().expect("prices")
}

fn told<B: Bundle>(machine: &mut Machine<B>, operations: Vec<Operation>, cx: &Apply) -> Told {
    machine.apply(Request::Operations(operations), cx).0.expect("answers").told
}

fn restored<B: Bundle>(machine: &Machine<B>) -> Machine<B> {
    let bytes = codec::encode(machine).expect("encodes");
    assert_eq!(machine.encoded_size(), Ok(bytes.len()));
    let restored: Machine<B> = codec::decode_deep(&bytes).expect("decodes");
    assert_eq!(codec::encode(&restored).expect("encodes"), bytes);
    restored
}

#[test]
fn operations_take_place_together_or_not_at_all() {
    let mut machine = Machine::<Exchange>::default();
    let done = told(&mut machine, vec![price("ETH", 1), halt(3)], &cx(1, 0));
    assert!(matches!(done, Told::Done(answers) if answers.len() == 2));
    let before = codec::encode(&machine).expect("encodes");
    let aborted =
        told(&mut machine, vec![price("ETH", 2), halt(4), absent("ETH"), price("BTC", 9)], &cx(2, 0));
    let Told::Aborted { step, answer } = aborted else { panic!("{aborted:?}") };
    assert_eq!(
        (step, codec::decode(&answer)),
        (2, Ok(Some(2u64))),
        "what stood in its way, of the same transaction"
    );
    assert_eq!(codec::encode(&machine).expect("encodes"), before);
    assert_eq!(prices(&machine).changes(), [], "and nobody is told of a change");
}

#[test]
fn what_cannot_be_read_undoes_what_came_before_it() {
    let mut machine = Machine::<Exchange>::default();
    let before = codec::encode(&machine).expect("encodes");
    let garbage = Operation { part: 0, body: vec![0xff, 1, 2].into() };
    let nowhere = Operation { part: 9, body: vec![0].into() };
    for bad in [garbage, nowhere] {
        let unreadable = told(&mut machine, vec![price("ETH", 2), bad.clone()], &cx(1, 0));
        assert!(matches!(unreadable, Told::Unreadable(_)), "{unreadable:?}");
        assert!(matches!(told(&mut machine, vec![bad], &cx(1, 0)), Told::Unreadable(_)));
        assert_eq!(codec::encode(&machine).expect("encodes"), before);
    }
    let beyond = Operation { part: u64::MAX, body: vec![].into() };
    assert!(matches!(told(&mut machine, vec![beyond], &cx(1, 0)), Told::Unreadable(_)));
}

#[test]
fn answers_that_are_too_long_together_undo_all_and_an_operation_that_is_too_long_is_unreadable() {
    let mut machine = Machine::<Only<Map<u8, String>>>::default();
    let insert = |key, length| {
        let value = "x".repeat(length);
        on::<Map<u8, String>>(0, &MapOperation::Insert { key, value, lives: None })
    };
    let many: Vec<_> = (0..3).map(|key| on::<Map<u8, String>>(0, &MapOperation::Remove { key })).collect();
    for key in 0..3 {
        assert!(matches!(told(&mut machine, vec![insert(key, 480_000)], &cx(1, 0)), Told::Done(_)));
    }
    let before = codec::encode(&machine).expect("encodes");
    assert_eq!(told(&mut machine, many.clone(), &cx(2, 0)), Told::TooLong { step: 2 });
    let long = told(&mut machine, vec![insert(9, MAX_OPERATION)], &cx(3, 0));
    assert!(matches!(&long, Told::Unreadable(why) if why.contains("are allowed")), "{long:?}");
    assert_eq!(codec::encode(&machine).expect("encodes"), before);
    assert!(matches!(told(&mut machine, many[..2].to_vec(), &cx(4, 0)), Told::Done(_)));
}

#[test]
fn what_nests_deeper_than_a_state_may_is_refused_by_the_operation_that_brings_it() {
    type Deep = Sequence<Tree>;
    let push = |levels| {
        let value = (0..levels).fold(Tree(Vec::new()), |tree, _| Tree(vec![tree]));
        on::<Deep>(0, &VecOperation::Push { value })
    };
    let mut machine = Machine::<Only<Deep>>::default();
    let (mut accepted, mut refused) = (0, 0);
    for levels in 1..140 {
        match told(&mut machine, vec![push(levels)], &cx(levels, 0)) {
            Told::Done(_) => accepted += 1,
            Told::Unreadable(_) => refused += 1,
            told => panic!("{told:?}"),
        }
        // Whatever was let in can be read back.
        restored(&machine);
    }
    assert!(accepted > 40 && refused > 10, "{accepted} {refused}");
}

#[test]
fn changes_are_those_of_one_entry() {
    let mut machine = Machine::<Exchange>::default();
    told(&mut machine, vec![price("ETH", 1)], &cx(5, 0));
    told(&mut machine, vec![price("ETH", 2)], &cx(5, 0));
    assert_eq!((machine.entry(), prices(&machine).changes().len()), (5, 2));
    told(&mut machine, vec![price("BTC", 2)], &cx(6, 0));
    let only = MapChange::Inserted { key: "BTC".to_owned(), value: 2, old: None };
    assert_eq!((machine.entry(), prices(&machine).changes()), (6, &[only][..]));
}

#[test]
fn what_expires_goes_with_the_next_command_whichever_it_is() {
    let mut machine = Machine::<Exchange>::default();
    let short = MapOperation::Insert { key: "ETH".to_owned(), value: 1, lives: Some(50) };
    told(&mut machine, vec![on::<Prices>(0, &short)], &cx(1, 100));
    assert_eq!(machine.next_expiry(), Some(Timestamp::from_millis(150)));
    told(&mut machine, vec![halt(1)], &cx(2, 149));
    assert_eq!(prices(&machine).value().len(), 1);
    let mut other = restored(&machine);
    told(&mut machine, vec![halt(2)], &cx(3, 150));
    other.apply(Request::Expire, &cx(3, 150));
    for machine in [machine, other] {
        let gone = MapChange::Removed { key: "ETH".to_owned(), old: 1, expired: true };
        assert_eq!((prices(&machine).changes(), machine.next_expiry()), (&[gone][..], None));
    }
}

#[test]
fn c5_a_snapshot_and_the_rest_of_the_log_are_the_whole_log() {
    let log: Vec<Request> = (0..200u64)
        .map(|n| {
            let mut operations = vec![price(&format!("S{}", n % 37), n), halt(n as u8 % 50)];
            if n % 3 == 0 {
                operations.push(absent(&format!("S{}", n % 41)));
            }
            let lives = Some(n % 9);
            operations
                .insert(0, on::<Prices>(0, &MapOperation::Insert { key: format!("T{n}"), value: n, lives }));
            Request::Operations(operations)
        })
        .collect();
    let mut whole = Machine::<Exchange>::default();
    let (mut index, mut at_each) = (0, Vec::new());
    for request in &log {
        at_each.push(restored(&whole));
        index += 1;
        whole.apply(request.clone(), &cx(index, index * 2));
    }
    let whole = codec::encode(&whole).expect("encodes");
    for (cut, mut machine) in at_each.into_iter().enumerate() {
        for (index, request) in (1u64..).zip(&log).skip(cut) {
            machine.apply(request.clone(), &cx(index, index * 2));
        }
        assert_eq!(codec::encode(&machine).expect("encodes"), whole, "cut after {cut}");
    }
}

#[test]
fn c3_golden_bytes_of_requests_answers_and_snapshots() {
    let mut machine = Machine::<Only<Sequence<u8>>>::default();
    let push = on::<Sequence<u8>>(0, &VecOperation::Push { value: 9 });
    let request = Request::Operations(vec![push]);
    let mut bytes = Vec::new();
    Command::encode(&request, &mut bytes).expect("encodes");
    assert_eq!(hex(&bytes), "000100020009");
    let mut bytes = Vec::new();
    machine.apply(request, &cx(300, 0)).encode(&mut bytes).expect("encodes");
    assert_eq!(hex(&bytes), "ac0200010100");
    assert_eq!(hex(&codec::encode(&machine).expect("encodes")), "020109");
    let answered =
        |told| codec::encode(&Answer { index: 300, told }).map(|bytes| hex(&bytes)).expect("encodes");
    assert_eq!(answered(Told::Aborted { step: 300, answer: vec![9].into() }), "ac0201ac020109");
    assert_eq!(answered(Told::Unreadable("x".to_owned())), "ac02020178");
    assert_eq!(answered(Told::TooLong { step: 300 }), "ac0203ac02");
    let mut expire = Vec::new();
    Command::encode(&Request::Expire, &mut expire).expect("encodes");
    assert_eq!(hex(&expire), "01");
    let mut two = Machine::<Exchange>::default();
    two.apply(Request::Operations(vec![price("ETH", 1), halt(3)]), &cx(1, 0));
    assert_eq!(hex(&codec::encode(&two).expect("encodes")), "07_01_03455448_01_00__02_0103".replace('_', ""));
}

#[test]
fn c3_one_operation_does_and_answers_the_same_whether_its_request_is_copied_or_not() {
    let (mut one, mut other) = (Machine::<Exchange>::default(), Machine::<Exchange>::default());
    let on_part = |part, body: &[u8]| Operation { part, body: body.to_vec().into() };
    let requests = [
        vec![price("ETH", 1)],
        vec![price("ETH", 2)],
        vec![absent("ETH")],
        vec![halt(3)],
        vec![on_part(0, &[0xff, 1, 2])],
        vec![on_part(9, &[0])],
        vec![on_part(u64::MAX, &[])],
        vec![price("BTC", 1), halt(4)],
        vec![],
    ];
    for (index, operations) in (1..).zip(requests) {
        let (request, cx) = (Request::Operations(operations), cx(index, index));
        let bytes = request.encoded().expect("encodes");
        let (mut reply, mut expected) = (Vec::new(), Vec::new());
        one.apply_encoded(COMMAND, &bytes, &cx, &mut reply).expect("it replies");
        other.apply(request, &cx).encode(&mut expected).expect("encodes");
        assert_eq!(hex(&reply), hex(&expected), "request {index}");
        assert_eq!(codec::encode(&one).expect("encodes"), codec::encode(&other).expect("encodes"));
        assert_eq!(prices(&one).changes(), prices(&other).changes());
    }
    let bytes = Request::Operations(vec![price("ETH", 3)]).encoded().expect("encodes");
    let refused = |method, bytes: &[u8], machine: &mut Machine<Exchange>| {
        machine.apply_encoded(method, bytes, &cx(99, 99), &mut Vec::new())
    };
    for (method, bytes) in
        [(COMMAND + 1, &bytes[..]), (COMMAND, &bytes[..3]), (COMMAND, &[&bytes[..], &[0]].concat())]
    {
        let found = refused(method, bytes, &mut one);
        assert!(matches!(found, Err(NotApplied::Unreadable(_))), "{found:?}");
    }
    assert_eq!(one.entry(), 9, "what is refused changes nothing");
}

#[test]
fn c3_what_a_writer_gives_for_one_operation_is_the_request_that_it_would_be_among_others() {
    for (part, length) in
        [(0, 0), (1, 1), (127, 115), (128, 120), (300, 127), (1 << 40, 20_000), (2, 400_000)]
    {
        let operation = VecOperation::Push { value: "x".repeat(length) };
        let body = codec::encode(&operation).expect("encodes");
        let expected = Request::Operations(vec![on::<Sequence<String>>(part as u64, &operation)]);
        let (bytes, long) = encode_only(part, &operation).expect("encodes");
        assert_eq!((bytes.clone(), long), (expected.encoded().expect("encodes"), body.len()));
        assert_eq!(request::only(COMMAND, &bytes), Some((part as u64, &body[..])));
        let answer = Answer { index: length as u64, told: Told::Done(vec![body.clone().into()]) };
        let answer = codec::encode(&answer).expect("encodes");
        assert_eq!(only_answer(&answer), Some((length as u64, &body[..])));
    }
    for told in [Told::Done(vec![]), Told::Done(vec![vec![1].into(); 2]), Told::Unreadable(String::new())] {
        assert_eq!(only_answer(&codec::encode(&Answer { index: 1, told }).expect("encodes")), None);
    }
}

#[test]
fn groups_of_other_collections_have_other_shapes() {
    let shape = |shape: Shape| shape.fingerprint();
    let only = shape(crate::primitives::schema::of::<Machine<Only<Prices>>>());
    assert_ne!(only, shape(crate::primitives::schema::of::<Machine<Exchange>>()));
    assert_ne!(only, shape(crate::primitives::schema::of::<Machine<Only<Map<String, u32>>>>()));
}

#[test]
fn an_operation_whose_own_answer_is_too_long_takes_nothing_out() {
    let mut machine = Machine::<Only<Sequence<String>>>::default();
    let push = |value: String| on::<Sequence<String>>(0, &VecOperation::Push { value });
    for _ in 0..3 {
        assert!(matches!(told(&mut machine, vec![push("x".repeat(480_000))], &cx(1, 0)), Told::Done(_)));
    }
    let before = codec::encode(&machine).expect("encodes");
    let all = VecOperation::<String>::RemoveRange {
        from: std::ops::Bound::Unbounded,
        to: std::ops::Bound::Unbounded,
    };
    let all = on::<Sequence<String>>(0, &all);
    assert_eq!(told(&mut machine, vec![all.clone()], &cx(2, 0)), Told::TooLong { step: 0 });
    assert!(codec::encode(&machine).expect("encodes") == before, "whatever way it comes");
    let (request, mut reply) = (Request::Operations(vec![all]).encoded().expect("encodes"), Vec::new());
    machine.apply_encoded(COMMAND, &request, &cx(3, 0), &mut reply).expect("is answered");
    assert_eq!(Answer::decode(&reply).expect("decodes").told, Told::TooLong { step: 0 });
    assert!(codec::encode(&machine).expect("encodes") == before);
    let slot: &Slot<Sequence<String>> = machine.slots()[0].as_any().downcast_ref().expect("a sequence");
    assert_eq!(slot.changes(), [], "and nobody is told of a change");
}
