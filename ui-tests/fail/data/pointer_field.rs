#[mosaik::data]
pub struct Job {
    pub run: fn(u32) -> u32,
}

fn main() {
    fn travels<T: mosaik::primitives::Schema>(_: T) {}
    travels(Job { run: |x| x });
}
