//! What a bench leaves behind: a table on standard output and `<target>/bench/<name>.json`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Fallible,
    repeat::{Runs, median},
};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    /// As in the JSON file: `items/s`, `us`.
    pub(crate) text: &'static str,
    /// `higher` or `lower`.
    pub(crate) better: &'static str,
    /// Digits behind the point in the table.
    pub(crate) digits: usize,
    /// How many bytes one unit stands for, so that the table can say MB/s; 0 where that means nothing.
    pub(crate) bytes: usize,
}

impl Unit {
    fn show(self, value: f64) -> String {
        let Self { text, digits, bytes, .. } = self;
        let number = match value {
            v if v >= 1e6 => format!("{:.2} M {text}", v / 1e6),
            v if v >= 1e4 => format!("{:.1} k {text}", v / 1e3),
            v => format!("{v:.digits$} {text}"),
        };
        if bytes == 0 { number } else { format!("{number} ({:.0} MB/s)", value * bytes as f64 / 1e6) }
    }
}

/// One run of one side: a figure, and how many cores were busy for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// In the case's unit.
    pub(crate) value: f64,
    /// Cores in use meanwhile; zero where it says nothing.
    pub(crate) cores: f64,
}

/// One row. `value` is mosaik's, `raw` is that of iroh alone, `ratio` the first over the second; `cost_ratio` is the
/// ratio of processor time for each item, which a busy machine changes less.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    name: String,
    value: f64,
    unit: &'static str,
    raw: f64,
    ratio: f64,
    better: &'static str,
    cores: f64,
    raw_cores: f64,
    cost_ratio: f64,
    runs: Vec<f64>,
    raw_runs: Vec<f64>,
    #[serde(skip)]
    shown: Unit,
}

impl Case {
    /// The medians of `runs`. `pick` takes this case's figure out of a run that measured several.
    pub(crate) fn of<T>(name: String, unit: Unit, runs: &Runs<T>, pick: impl Fn(&T) -> Figure) -> Self {
        let value = median(runs.mosaik.iter().map(|run| pick(run).value));
        let raw = median(runs.bare.iter().map(|run| pick(run).value));
        let cores = median(runs.mosaik.iter().map(|run| pick(run).cores));
        let raw_cores = median(runs.bare.iter().map(|run| pick(run).cores));
        Self {
            name,
            value,
            unit: unit.text,
            raw,
            ratio: ratio(value, raw),
            better: unit.better,
            cores,
            raw_cores,
            cost_ratio: if unit.bytes > 0 { ratio(ratio(cores, value), ratio(raw_cores, raw)) } else { 0.0 },
            runs: runs.mosaik.iter().map(|run| pick(run).value).collect(),
            raw_runs: runs.bare.iter().map(|run| pick(run).value).collect(),
            shown: unit,
        }
    }

    /// Says on standard error how it went, so that a long run can be watched.
    pub(crate) fn announce(self) -> Self {
        let (value, raw) = (self.shown.show(self.value), self.shown.show(self.raw));
        eprintln!("{}: mosaik {value}, bare {raw}, ratio {:.2}", self.name, self.ratio);
        self
    }

    fn row(&self) -> [String; COLUMNS] {
        let some = |number: f64| if number > 0.0 { format!("{number:.2}") } else { "-".to_owned() };
        [
            self.name.clone(),
            self.shown.show(self.value),
            self.shown.show(self.raw),
            some(self.ratio),
            self.better.to_owned(),
            format!("{} / {}", some(self.cores), some(self.raw_cores)),
            some(self.cost_ratio),
        ]
    }
}

const COLUMNS: usize = 7;
const HEAD: [&str; COLUMNS] = ["case", "mosaik", "bare iroh", "ratio", "better", "cores (both)", "cost"];

/// The first over the second; zero where the second is.
fn ratio(value: f64, raw: f64) -> f64 {
    if raw > 0.0 { value / raw } else { 0.0 }
}

/// Prints the table.
pub(crate) fn print(cases: &[Case]) {
    let rows: Vec<[String; COLUMNS]> =
        std::iter::once(HEAD.map(str::to_owned)).chain(cases.iter().map(Case::row)).collect();
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for (line, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("| {} |", cells.join(" | "));
        if line == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            println!("| {} |", rule.join(" | "));
        }
    }
}

/// Writes `<target>/bench/<name>.json` and says where.
pub(crate) fn write(name: &str, cases: &[Case]) -> Fallible {
    let folder = target_folder()?.join("bench");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, serde_json::to_string_pretty(cases)? + "\n")?;
    eprintln!("written: {}", file.display());
    Ok(())
}

/// Cargo's target folder, wherever it was put: the one above this program that cargo marked as such.
fn target_folder() -> Fallible<PathBuf> {
    let program = std::env::current_exe()?;
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists()).map(Path::to_owned);
    Ok(marked
        .unwrap_or_else(|| std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()).into()))
}
