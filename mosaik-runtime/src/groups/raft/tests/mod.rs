#[cfg(feature = "durable")]
mod alone;
mod anew;
#[cfg(feature = "sim")]
mod group;
mod machine;
mod suite;
#[cfg(all(feature = "durable", feature = "sim"))]
mod votes;
