/// The replicated state.
#[group(state_machine, "bank.ledger", voters = 3, from = v1::Ledger)]
#[derive(Default)]
pub struct Ledger { balances: BTreeMap<String, u64> }
