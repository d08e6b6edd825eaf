#[methods]
impl Ledger {
    const LIMIT: u64 = 10;

    /// Pays in, and returns the new balance.
    pub fn deposit(&mut self, account: String, amount: u64) -> u64 {
        self.add(account, amount)
    }

    /// Moves money.
    pub fn transfer(&mut self, from: String, to: &str, amount: u64, cx: &Apply) -> Result<(), Insufficient> {
        Ok(())
    }

    /// What an account has.
    pub fn balance(&self, account: &str) -> u64 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    fn add(&mut self, account: String, amount: u64) -> u64 { amount }

    #[skip]
    pub fn audit(&self) -> &BTreeMap<String, u64> { &self.balances }

    pub fn opened_with(limit: u64) -> Self { Self::default() }
}
