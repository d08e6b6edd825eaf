#[cfg(feature = "durable")]
mod alone;
mod anew;
mod machine;
mod suite;
