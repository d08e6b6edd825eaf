//! The command line of a bench: what follows `--` in `cargo bench --bench NAME -- …`.

use super::repeat::Side;

const HELP: &str = "\
usage: cargo bench --bench NAME -- [FILTER] [--quick] [--repeat N] [--only SIDE]

  FILTER      run only the cases whose name contains this text
  --quick     short runs, three of each
  --repeat N  take the median of N runs of each side (default 5)
  --only SIDE run one side alone, `mosaik` or `bare`: for a profiler";

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Only cases whose name contains this.
    pub(crate) filter: String,
    /// Short runs.
    pub(crate) quick: bool,
    /// How many runs of each side; the median counts.
    pub(crate) repeat: usize,
    /// Only this side.
    pub(crate) only: Option<Side>,
}

impl Options {
    /// Reads the arguments after the program's name. `Err` is the text to print before leaving.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let (mut filter, mut quick, mut repeat, mut only) = (String::new(), false, None, None);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => {} // cargo passes it
                "--quick" => quick = true,
                "--repeat" => repeat = Some(count(arguments.next())?),
                "--only" => only = Some(side(arguments.next())?),
                "--help" | "-h" => return Err(HELP.to_owned()),
                text if text.starts_with('-') => return Err(format!("unknown option `{text}`\n\n{HELP}")),
                _ if filter.is_empty() => filter = argument,
                _ => return Err(format!("one filter only, `{argument}` is a second one\n\n{HELP}")),
            }
        }
        Ok(Self { filter, quick, repeat: repeat.unwrap_or(if quick { 3 } else { 5 }), only })
    }

    /// Whether a case of this name is to run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }
}

fn count(argument: Option<String>) -> Result<usize, String> {
    let number = argument.and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| format!("`--repeat` needs a number, 1 or more\n\n{HELP}"))
}

fn side(argument: Option<String>) -> Result<Side, String> {
    let side = argument.and_then(|text| Side::parse(&text));
    side.ok_or_else(|| format!("`--only` needs `mosaik` or `bare`\n\n{HELP}"))
}
