//! The cases of the streams bench: what is measured, between how many nodes, with which items, in how many processes.

use std::time::Duration;

/// What a case measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Items a second at full speed.
    Throughput,
    /// How long an item takes at 1 000 items a second.
    Latency,
    /// How soon somebody who comes later has a first item, at 1 000 items a second.
    Join,
}

/// Where the consumers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the producer's process.
    OneProcess,
    /// All together in a second process; the two share out the threads of one.
    TwoProcesses,
    /// All together in a second process; each of the two has as many threads as one.
    TwoFullProcesses,
}

impl Place {
    /// How many threads a process has on that many cores.
    pub(crate) const fn threads(self, cores: usize) -> usize {
        match self {
            Self::TwoProcesses if cores > 1 => cores / 2,
            _ => cores,
        }
    }
}

/// One case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// What is measured.
    pub(crate) measure: Measure,
    /// How many consumers, each a node of its own.
    pub(crate) consumers: usize,
    /// The encoded size of an item, in bytes.
    pub(crate) size: usize,
    /// Where the consumers are.
    pub(crate) place: Place,
}

/// How long a run takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// Not counted.
    pub(crate) warm_up: Duration,
    /// Counted.
    pub(crate) measured: Duration,
    /// How many join, one after the other.
    pub(crate) joins: usize,
}

impl Case {
    /// The name in the table, in the JSON file and for filters, such as `throughput/1to8/1KiB/one-process`.
    pub(crate) fn name(&self) -> String {
        let measure = match self.measure {
            Measure::Throughput => "throughput",
            Measure::Latency => "latency",
            Measure::Join => "join",
        };
        self.name_as(measure)
    }

    /// The same name, beginning with `measure`.
    pub(crate) fn name_as(&self, measure: &str) -> String {
        let size = match self.size {
            size if size >= 1024 => format!("{}KiB", size / 1024),
            size => format!("{size}B"),
        };
        let place = match self.place {
            Place::OneProcess => "one-process",
            Place::TwoProcesses => "two-processes",
            Place::TwoFullProcesses => "two-full-processes",
        };
        format!("{measure}/1to{}/{size}/{place}", self.consumers)
    }
}

/// All cases in the order of the table; those of one entry differ only in the number of processes.
pub(crate) fn all() -> Vec<Vec<Case>> {
    let everywhere = |measure, consumers, size| {
        [Place::OneProcess, Place::TwoProcesses, Place::TwoFullProcesses]
            .map(|place| Case { measure, consumers, size, place })
            .to_vec()
    };
    let mut cases = Vec::new();
    for consumers in [1, 8] {
        for size in [32, 1024, 64 * 1024] {
            cases.push(everywhere(Measure::Throughput, consumers, size));
        }
    }
    for (consumers, size) in [(1, 32), (1, 1024), (1, 64 * 1024), (8, 32), (8, 1024)] {
        cases.push(everywhere(Measure::Latency, consumers, size));
    }
    cases.push(vec![Case { measure: Measure::Join, consumers: 1, size: 32, place: Place::OneProcess }]);
    cases
}

/// Full runs, or the short ones of `--quick`.
pub(crate) fn windows(quick: bool) -> Windows {
    let millis = Duration::from_millis;
    if quick {
        Windows { warm_up: millis(300), measured: millis(700), joins: 10 }
    } else {
        Windows { warm_up: millis(500), measured: millis(2_000), joins: 20 }
    }
}
