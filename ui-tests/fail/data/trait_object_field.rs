#[mosaik::data]
pub struct Drawing {
    pub shapes: Vec<Box<dyn Fn() -> f32>>,
}

fn main() {
    fn travels<T: mosaik::primitives::Schema>(_: T) {}
    travels(Drawing { shapes: Vec::new() });
}
