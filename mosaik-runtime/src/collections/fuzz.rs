//! Fuzz target of collections: the commands that a group of them applies.

use std::ops::Bound as At;

use super::{
    core::{
        Cell, CellOperation, Container, Keep, Map, MapOperation, Once, OnceOperation, PriorityQueue,
        QueueOperation, Set, SetOperation, Vec as Sequence, VecOperation,
    },
    machine::{Answered, Bundle, Machine, Operation, Part, Request, Told},
};
use crate::{
    groups::{Apply, Reply, StateMachine, Timestamp},
    primitives::{
        PeerId, codec,
        fuzz::{Input, Target, bytes, pack, round_trip},
    },
};

type Prices = Map<String, u64>;
type Row = Sequence<Option<u8>>;
type Queue = PriorityQueue<u8, String, u8>;

/// One container of each kind.
struct All;

impl Bundle for All {
    fn parts() -> Vec<Part> {
        vec![
            Part::new::<Prices>("prices"),
            Part::new::<Row>("row"),
            Part::new::<Set<u16>>("marks"),
            Part::new::<Cell<i8>>("cell"),
            Part::new::<Once<u64>>("once"),
            Part::new::<Queue>("queue"),
        ]
    }
}

/// Commands one after the other, as pieces: each is a request, or else the bytes of one operation.
///
/// Nothing panics; what does not take place changes nothing; a state that is read from its bytes goes on as the one that wrote them.
pub(crate) const OPERATIONS: Target = Target {
    name: "operations",
    run: |bytes| {
        let (mut input, mut index, mut now) = (Input::new(bytes), 0, 0_u64);
        let (mut machine, mut read) = (Machine::<All>::default(), Machine::<All>::default());
        while let Some(piece) = input.piece() {
            let byte = input.byte();
            (index, now) = (index + 1, now.saturating_add(byte.into()));
            let request = round_trip::<Request>(piece).unwrap_or_else(|| {
                let operation = Operation { part: u64::from(byte % 7), body: piece.to_vec().into() };
                Request::Operations(vec![operation])
            });
            let cx = Apply::made(Timestamp::from_millis(now), index, PeerId::from_bytes([7; 32]));
            machine.apply(Request::Expire, &cx);
            let before = state(&machine);
            let (told, other) = (machine.apply(request.clone(), &cx), read.apply(request, &cx));
            assert_eq!(told, other, "a state that was read from its bytes answers alike");
            let after = state(&machine);
            match &told.0 {
                Ok(answer) if !matches!(answer.told, Told::Done(_)) => assert_eq!(before, after),
                Ok(_) => {}
                // The group undoes a command whose answer cannot be written.
                Err(_) => return,
            }
            answers(&told);
            read = codec::decode_deep(&after).expect("a state is read from its bytes"); // impossible: this is what is tested
            assert_eq!(state(&read), after);
        }
    },
    seeds,
};

fn state(machine: &Machine<All>) -> Vec<u8> {
    codec::encode(machine).expect("a state has bytes") // impossible: this is what is tested
}

/// A reply reads as it was written.
fn answers(told: &Answered) {
    let mut body = Vec::new();
    if told.encode(&mut body).is_ok() {
        assert_eq!(Answered::decode(0, &body).as_ref(), Ok(told));
    }
}

fn on<T: Container>(part: u64, operation: &T::Operation) -> Operation {
    Operation { part, body: bytes(operation).into() }
}

fn seeds() -> Vec<Vec<u8>> {
    let key = || "ETH".to_owned();
    let map = |operation| on::<Prices>(0, &operation);
    let row = |operation| on::<Row>(1, &operation);
    let marks = |operation| on::<Set<u16>>(2, &operation);
    let cell = |operation| on::<Cell<i8>>(3, &operation);
    let once = |operation| on::<Once<u64>>(4, &operation);
    let queue = |operation| on::<Queue>(5, &operation);
    let insert = |lives| map(MapOperation::Insert { key: key(), value: 3812, lives });
    let put = |priority, name: &str| (priority, name.to_owned(), 1);
    let (from, to) = (At::Included(1), At::Excluded(9));
    let say = |requests: &[Vec<Operation>]| {
        let piece = |operations: &Vec<Operation>| {
            [pack(&[bytes(&Request::Operations(operations.clone()))]), vec![3]].concat()
        };
        requests.iter().flat_map(piece).collect::<Vec<u8>>()
    };
    let swapped = MapOperation::CompareExchange { key: key(), old: Some(3812), new: None };
    vec![
        say(&[
            vec![insert(Some(5)), insert(None)],
            vec![map(MapOperation::Increment { key: key(), by: -3 })],
        ]),
        say(&[vec![insert(Some(2))], vec![map(swapped)], vec![map(MapOperation::Clear)]]),
        say(&[
            vec![row(VecOperation::Extend { values: vec![Some(1), None, Some(3)] })],
            vec![row(VecOperation::Swap { one: 0, other: 2 }), row(VecOperation::Remove { at: 9 })],
            vec![row(VecOperation::PopFront), row(VecOperation::Truncate { length: 1 })],
        ]),
        say(&[
            vec![marks(SetOperation::Extend { items: vec![3, 300, 7] })],
            vec![marks(SetOperation::RetainRange { from, to })],
            vec![marks(SetOperation::Expect { item: 3, present: false })],
        ]),
        say(&[
            vec![cell(CellOperation::Write { value: 127 }), cell(CellOperation::Increment { by: 1 })],
            vec![once(OnceOperation::Set { value: 5 }), once(OnceOperation::Set { value: 6 })],
        ]),
        say(&[
            vec![queue(QueueOperation::SetCapacity { capacity: Some((2, Keep::Lowest)) })],
            vec![queue(QueueOperation::Extend { entries: vec![put(3, "c"), put(1, "a"), put(1, "b")] })],
            vec![
                queue(QueueOperation::PopMax),
                queue(QueueOperation::UpdatePriority { key: key(), priority: 2 }),
            ],
        ]),
        say(&[
            vec![row(VecOperation::Extend { values: vec![None, Some(2), None] })],
            vec![row(VecOperation::RemoveRange { from: At::Excluded(0), to: At::Included(1) })],
            vec![row(VecOperation::RemoveRange { from: At::Included(3), to: At::Unbounded })],
        ]),
        say(&[
            vec![map(MapOperation::InsertIfAbsentFor { key: key(), value: 1, lives: 4 })],
            vec![map(MapOperation::PopFirst), marks(SetOperation::Insert { item: 2 })],
            vec![map(MapOperation::PopLast), marks(SetOperation::PopFirst), marks(SetOperation::PopLast)],
            vec![queue(QueueOperation::RemoveMany { keys: vec![key()] })],
        ]),
        // Operations alone, and what is none.
        [
            pack(&[bytes(&MapOperation::<String, u64>::Remove { key: key() })]),
            vec![7],
            pack(&[vec![0xff; 9]]),
        ]
        .concat(),
        [pack(&[bytes(&Request::Expire)]), vec![0], pack(&[bytes(&SetOperation::<u16>::Clear)]), vec![2]]
            .concat(),
    ]
}
