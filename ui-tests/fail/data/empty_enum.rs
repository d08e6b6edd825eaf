#[mosaik::data]
pub enum Command {}

fn main() {
    fn travels<T: mosaik::primitives::Schema>() {}
    travels::<Command>();
}
