#[automatically_derived]
impl ::mosaik::__private::Schema for Ledger {
    fn shape(seen: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        seen.structure::<
                Self,
            >(
            "Ledger",
            ::core::option::Option::None,
            &[
                (
                    "balances",
                    <BTreeMap<String, u64> as ::mosaik::__private::Schema>::shape,
                ),
            ],
        )
    }
}
#[derive(::mosaik::__private::Serialize, ::mosaik::__private::Deserialize)]
#[serde(crate = "::mosaik::__private::serde")]
/// The replicated state.
#[derive(Default)]
pub struct Ledger {
    balances: BTreeMap<String, u64>,
}
/// The commands and queries of [`Ledger`].
#[allow(dead_code)]
pub struct LedgerHandle(pub(crate) ::mosaik::__private::Group<Ledger>);
/// The queries of [`Ledger`].
#[allow(dead_code)]
pub struct LedgerWeak(pub(crate) ::mosaik::__private::Weak<Ledger>);
/// The commands of [`Ledger`].
#[allow(dead_code)]
pub type LedgerCommand = <Ledger as ::mosaik::__private::StateMachine>::Command;
/// The replies of [`Ledger`].
#[allow(dead_code)]
pub type LedgerReply = <Ledger as ::mosaik::__private::StateMachine>::Reply;
#[automatically_derived]
impl ::mosaik::__private::Declared for Ledger {
    type Handle = LedgerHandle;
    type Weak = LedgerWeak;
    const DESCRIPTOR: &'static ::mosaik::__private::GroupDescriptor = &::mosaik::__private::GroupDescriptor {
        intent: ::mosaik::__private::Intent::new(
            "bank.ledger",
            *b"\xF5\x1D\x15\xDB@\xB2\xF5\x1Ad\x8A\x0B\xD4\n\xB8\xA7\x01\xCD?g\xF8\xFE\xF7d\xF1\xDFx\xBEj\xA4\x0C\x1D\x0C",
        ),
        type_name: "Ledger",
        schema: ::mosaik::__private::machine_shape::<Self>,
        voters: ::mosaik::__private::VoterSet::Count(3),
        options: ::mosaik::__private::GroupOptions::new(),
        members: ::mosaik::__private::Rule::Anyone,
        docs: "The replicated state.",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn earlier() -> ::core::option::Option<::mosaik::__private::Earlier<Self>> {
        ::mosaik::__private::earlier::<Self, v1::Ledger>()
    }
    fn handle(group: ::mosaik::__private::Group<Self>) -> LedgerHandle {
        LedgerHandle(group)
    }
    fn weak(weak: ::mosaik::__private::Weak<Self>) -> LedgerWeak {
        LedgerWeak(weak)
    }
}
