#[mosaik::data]
pub struct Label<'a> {
    pub text: &'a str,
}

fn main() {
    fn travels<T: mosaik::primitives::Schema>(_: T) {}
    travels(Label { text: "north" });
}
