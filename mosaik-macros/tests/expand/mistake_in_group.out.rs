pub struct Ledger {
    balances: HashMap<String, u64>,
}
impl ::mosaik::__private::serde::Serialize for Ledger {
    fn serialize<MosaikS: ::mosaik::__private::serde::Serializer>(
        &self,
        _: MosaikS,
    ) -> ::core::result::Result<MosaikS::Ok, MosaikS::Error> {
        loop {}
    }
}
impl<'mosaik> ::mosaik::__private::serde::Deserialize<'mosaik> for Ledger {
    fn deserialize<MosaikD: ::mosaik::__private::serde::Deserializer<'mosaik>>(
        _: MosaikD,
    ) -> ::core::result::Result<Self, MosaikD::Error> {
        loop {}
    }
}
#[automatically_derived]
impl ::mosaik::__private::Schema for Ledger {
    fn shape(_: &mut ::mosaik::__private::Seen) -> ::mosaik::__private::Shape {
        loop {}
    }
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
        intent: ::mosaik::__private::Intent::new("", [0; 32]),
        type_name: "",
        schema: <Self as ::mosaik::__private::Schema>::shape,
        voters: ::mosaik::__private::VoterSet::Founder,
        options: ::mosaik::__private::GroupOptions::new(),
        members: ::mosaik::__private::Rule::Anyone,
        docs: "",
        source: ::mosaik::__private::Source {
            file: ::core::file!(),
            line: ::core::line!(),
        },
    };
    fn handle(group: ::mosaik::__private::Group<Self>) -> LedgerHandle {
        LedgerHandle(group)
    }
    fn weak(weak: ::mosaik::__private::Weak<Self>) -> LedgerWeak {
        LedgerWeak(weak)
    }
}
::core::compile_error! {
    "`#[group]` has no option `voter`\nhelp: did you mean `voters`?\nnote: options are `collections`, `committee`, `deadline`, `evict_after`, `founder`, `from`, `id`, `key`, `require`, `round_trip`, `schema`, `serde`, `state_machine`, `storage`, `strict`, `voters`"
}
::core::compile_error! {
    "`storage` cannot be `disk`\nhelp: `storage` is `memory` or `durable`"
}
::core::compile_error! {
    "the key of a group does not belong in the source\nhelp: write `key = env(\"BANK_KEY\")` or `key = file(\"bank.key\")`\nnote: whoever could read the program could join the group"
}
::core::compile_error! {
    "`Bank Ledger` is not an intent: use lower-case words joined by dots\nhelp: write \"bank.ledger\"\nnote: nodes that write the same intent find each other by it, so spelling is strict"
}
::core::compile_error! {
    "`#[group]` does not say what `Ledger` is\nhelp: write `#[group(state_machine, …)]`: the type is the replicated state, and its `#[methods]` are the commands and queries\nnote: `#[group(collections, …)]` is a group that several collections share: its fields"
}
::core::compile_error! {
    "`#[group]` does not say how many nodes vote in `Ledger`\nhelp: write `voters = 3` to survive the loss of any one node, `voters = 5` for any two\nnote: the group begins when so many have met; with a number that was guessed, two parts could each begin one"
}
::core::compile_error! {
    "`balances` is a `HashMap`, which has another order on every member\nhelp: use `BTreeMap`\nnote: a snapshot comes from several members at once, in equal pieces; to keep it, put `#[allow_nondeterminism]` on the field"
}
