use serde::{Deserialize, Serialize};

use super::toy::Toy;
use crate::{
    groups::machine::{Applier, Apply, MachineSettings, Method, SnapshotError, StateMachine, schema},
    primitives::{
        Schema,
        codec::{self, DecodeError, EncodeError},
        schema::{Seen, Shape, difference},
    },
};

/// A machine with a state, methods and a way to be encoded that the test chooses.
macro_rules! machine {
    ($name:ident { $($field:ident: $type:ty),* }, $command:ident, $methods:expr) => {
        #[derive(Debug, Default, Serialize, Deserialize)]
        struct $name { $($field: $type),* }

        impl Schema for $name {
            fn shape(seen: &mut Seen) -> Shape {
                seen.structure::<Self>(stringify!($name), None, &[$((stringify!($field), <$type>::shape)),*])
            }
        }

        struct $command;

        impl crate::groups::machine::Command for $command {
            fn methods() -> Vec<Method> { $methods }
            fn method(&self) -> u64 { 0 }
            fn encode(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> { Ok(()) }
            fn decode(_: u64, _: &[u8]) -> Result<Self, DecodeError> { Ok(Self) }
        }

        impl StateMachine for $name {
            type Command = $command;
            type Reply = ();
            type Query = ();
            type Answer = ();
            fn apply(&mut self, _: $command, _: &Apply) {}
            fn query(&self, (): ()) {}
        }
    };
}

fn deposit() -> Method {
    Method::new("deposit", <(String, u64)>::shape)
}

machine!(Ledger { balance: u64 }, LedgerCommand, vec![deposit()]);
machine!(Wider { balance: u128 }, WiderCommand, vec![deposit()]);
machine!(Signed { balance: u64 }, SignedCommand, vec![Method::new("deposit", <(String, i64)>::shape)]);
machine!(
    Richer { balance: u64 },
    RicherCommand,
    vec![deposit(), Method::new("withdraw", <(String,)>::shape)]
);
machine!(Renamed { balance: u64 }, RenamedCommand, vec![deposit()]);
machine!(Weightless { nothing: Vec<()> }, WeightlessCommand, vec![]);
machine!(Claims { balance: u64 }, ClaimsCommand, vec![Method::new("claim", <(Vec<()>,)>::shape)]);

#[test]
fn f21_what_differs_between_two_machines_is_a_sentence() {
    let (own, shape) = schema::<Ledger>();
    assert_eq!(schema::<Renamed>().0, own, "the name of the type does not count");
    let differs = |(fingerprint, other): (_, Shape)| {
        assert_ne!(fingerprint, own);
        difference(&shape, &other).expect("they differ")
    };
    assert_eq!(differs(schema::<Wider>()), "field `state.balance`: u64 here, u128 there");
    assert_eq!(differs(schema::<Signed>()), "field `methods.deposit.1`: u64 here, i64 there");
    assert_eq!(differs(schema::<Richer>()), "field `methods.withdraw` is there and not here");
    assert_ne!(schema::<Toy>().0, own);
}

#[test]
fn lc1_members_that_begin_differently_or_forget_at_different_times_do_not_meet() {
    let settings = MachineSettings::default();
    let contract = |balance, settings| {
        let (_, replica) = Applier::new(Ledger { balance }, settings).expect("it can be kept");
        replica.contract()
    };
    let (own, shape) = contract(5, settings);
    assert_eq!(contract(5, settings).0, own);
    let differs = |(fingerprint, other): (_, Shape)| {
        assert_ne!(fingerprint, own);
        difference(&shape, &other).expect("they differ")
    };
    let said = differs(contract(6, settings));
    assert!(said.starts_with("field `initial state`: hash "), "{said}");
    let said = differs(contract(5, MachineSettings { sessions: 7, ..settings }));
    assert!(said.contains("4096 sessions of 1024") && said.contains("7 sessions of 1024"), "{said}");
    let (_, wider) = Applier::new(Wider { balance: 5 }, settings).expect("it can be kept");
    assert_eq!(differs(wider.contract()), "field `machine.state.balance`: u64 here, u128 there");
}

#[test]
fn h2_sequences_of_nothing_are_refused_before_anything_runs() {
    let refused = |error: SnapshotError| error.to_string().contains("sequence of elements without any bytes");
    assert!(refused(Applier::new(Weightless::default(), MachineSettings::default()).err().expect("refused")));
    assert!(refused(Applier::new(Claims::default(), MachineSettings::default()).err().expect("refused")));
    assert!(Applier::new(Ledger::default(), MachineSettings::default()).is_ok());
}

/// Encodes one field and reads two.
#[derive(Debug, Deserialize)]
struct Crooked(u8, #[expect(dead_code, reason = "read by serde")] u8);

impl Serialize for Crooked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

impl Schema for Crooked {
    fn shape(seen: &mut Seen) -> Shape {
        seen.structure::<Self>("Crooked", None, &[("0", u8::shape), ("1", u8::shape)])
    }
}

impl StateMachine for Crooked {
    type Command = u8;
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn apply(&mut self, _: u8, _: &Apply) {}

    fn query(&self, (): ()) {}
}

#[test]
fn a_state_that_does_not_come_back_is_refused_at_the_start() {
    let error = Applier::new(Crooked(1, 2), MachineSettings::default()).err().expect("refused");
    assert!(
        matches!(&error, SnapshotError::Refused(_)) && error.to_string().contains("Serialize"),
        "{error}"
    );
}

#[test]
fn h2_a_command_that_nests_too_deep_is_an_error() {
    use crate::groups::machine::Command;
    type Deep = Vec<Vec<u8>>;
    let bytes = codec::encode(&vec![vec![1u8]]).expect("encodes");
    assert_eq!(Deep::decode(crate::groups::machine::COMMAND, &bytes), Ok(vec![vec![1]]));
    assert!(Deep::decode(7, &bytes).is_err());
}
