/// The replicated state.
#[group(state_machine, "bank.ledger", voters = 3)]
#[derive(Default)]
pub struct Ledger { balances: BTreeMap<String, u64> }
