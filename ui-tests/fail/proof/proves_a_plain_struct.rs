pub struct Badge;

#[mosaik::node(proves = Badge)]
async fn matcher() -> mosaik::Result {
    Ok(())
}

fn main() {}
