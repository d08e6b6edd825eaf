#[mosaik::data]
pub(crate) struct Now;
