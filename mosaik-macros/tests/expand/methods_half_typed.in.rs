#[methods]
impl Ledger {
    pub fn deposit(&mut self, account: String) -> u64 { self. }
    pub fn
}
