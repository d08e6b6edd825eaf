#[methods]
impl Ledger {
    pub async fn deposit(&mut self, account: &mut String) -> u64 { SystemTime::now() }
    pub fn first(&self) -> Option<&str> { None }
    pub fn take(self) {}
    pub fn when(&self, (a, b): (u8, u8)) {}
}
