#[proof(offices::Office)]
struct Badge;
