#[group("Bank Ledger", voter = 3, key = "secret", storage = disk)]
pub struct Ledger { balances: HashMap<String, u64> }
