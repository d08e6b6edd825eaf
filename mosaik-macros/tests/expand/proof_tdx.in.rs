#[cfg(unix)]
#[proof(tdx, measurements = file("matcher.measurements"), collateral = file("collateral"), max_age = "2d")]
pub struct MatcherImage;
