#[mosaik::data("v1")]
pub struct Position(f64, f64);

fn main() {
    fn travels<T: mosaik::primitives::Schema>(_: T) {}
    travels(Position(1.0, 2.0));
}
