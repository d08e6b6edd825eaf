#[cfg(feature = "durable")]
mod alone;
mod machine;
mod suite;
