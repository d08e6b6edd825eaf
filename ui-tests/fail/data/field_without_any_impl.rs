#[mosaik::data]
pub struct Ship {
    pub position: Position,
}

pub struct Position(f64, f64);

fn main() {
    fn travels<T: mosaik::primitives::Schema>(_: T) {}
    travels(Ship { position: Position(1.0, 2.0) });
}
