#[cfg(unix)]
#[proof(tdx, measurements = file("matcher.measurements"), collateral = file("collateral"), max_age = "2d", challenge = "10m", mrtd = hex("0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"))]
pub struct MatcherImage;
