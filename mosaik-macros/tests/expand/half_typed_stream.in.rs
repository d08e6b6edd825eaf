#[stream("host.load", buffer = )]
pub struct Load {
    host:
}
