/// One sample from a greenhouse probe.
#[mosaik::stream("greenhouse.temperature", buffer = 64)]
pub struct Reading {
    pub probe: u16,
    pub celsius: f32,
}
