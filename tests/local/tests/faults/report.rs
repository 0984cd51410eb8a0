//! The table of all runs in `docs/reliability.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use local_tests::{Fault, Injection};

/// The outcomes of the runs of one scenario at one call, by fault: once, and from then on.
type Outcomes = BTreeMap<Fault, [Option<String>; 2]>;

/// A table of runs: a row per call, a column per fault.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(String, String, Outcomes)>,
}

impl Report {
    /// Adds the outcome of a run. Runs of one call follow each other.
    pub(crate) fn add(&mut self, scenario: &str, injection: &Injection, outcome: String) {
        let call = injection.call.to_string();
        if self.rows.last().is_none_or(|(last, last_call, _)| (last.as_str(), last_call) != (scenario, &call)) {
            self.rows.push((scenario.to_owned(), call, Outcomes::default()));
        }
        let (_, _, outcomes) = self.rows.last_mut().unwrap();
        outcomes.entry(injection.fault).or_default()[usize::from(injection.lasting)] = Some(outcome);
    }

    fn table(&self) -> String {
        let mut table = String::from("| Scenario | Call |");
        for fault in Fault::ALL {
            write!(table, " {fault} |").unwrap();
        }
        writeln!(table, "\n|---|---|{}", "---|".repeat(Fault::ALL.len())).unwrap();
        let mut previous = "";
        for (scenario, call, outcomes) in &self.rows {
            let named = if previous == scenario { "" } else { scenario };
            previous = scenario;
            write!(table, "| {named} | `{call}` |").unwrap();
            for fault in Fault::ALL {
                let cell = match outcomes.get(&fault) {
                    None => "-".to_owned(),
                    Some([Some(once), Some(lasting)]) if once != lasting => format!("{once} / {lasting}"),
                    Some([once, _]) => once.clone().unwrap_or_default(),
                };
                write!(table, " {cell} |").unwrap();
            }
            table.push('\n');
        }
        table
    }

    /// Asserts that the document contains exactly this table between the markers of this name. If `UPDATE_RELIABILITY`
    /// is set, writes it there.
    pub(crate) fn compare(&self, name: &str) {
        // The tests run concurrently, and each may write its table.
        static DOCUMENT: Mutex<()> = Mutex::new(());
        let _document = DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md");
        let document = fs::read_to_string(&path).unwrap();
        let (start, end) = (format!("<!-- faults: {name} -->\n"), format!("<!-- end: {name} -->\n"));
        let (before, rest) = document.split_once(&start).unwrap_or_else(|| panic!("there is no {start}"));
        let (documented, after) = rest.split_once(&end).unwrap_or_else(|| panic!("there is no {end}"));
        let run = format!("\n{}\n", self.table());
        if env::var_os("UPDATE_RELIABILITY").is_some() {
            fs::write(&path, format!("{before}{start}{run}{end}{after}")).unwrap();
        } else {
            assert_eq!(documented, run, "docs/reliability.md lists other runs; UPDATE_RELIABILITY=1 updates it");
        }
    }
}
