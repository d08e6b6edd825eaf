#[stream("host.load", bufer = 64, replay = 2, replay = 3)]
pub struct Load<T> {
    #[serde(rename = "h")]
    #[mosaik(schema = "x.v1")]
    host: T,
    label: &'static str,
}
