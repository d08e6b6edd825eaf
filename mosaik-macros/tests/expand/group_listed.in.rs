#[group(
    state_machine,
    voters = [
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    ],
    key = file("bank.key"),
)]
#[derive(Default)]
pub enum Mode { #[default] Off, On(u8) }
