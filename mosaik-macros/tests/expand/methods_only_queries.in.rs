#[methods]
impl Limits {
    pub fn all(&self) -> Vec<Self> { Vec::new() }
    pub fn lookup<'a>(&self, keys: &'a [u8]) -> Result<Option<Self>> { None }
}
