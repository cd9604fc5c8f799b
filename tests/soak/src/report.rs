//! The page at the end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::ledger::Account;
use crate::members::{Ends, Mode};
use crate::options::Options;
use crate::producer::Sent;
use crate::samples::Sample;

/// What is told of a run.
pub(crate) struct Report<'r> {
    pub(crate) options: &'r Options,
    pub(crate) took: Duration,
    pub(crate) sent: Sent,
    pub(crate) accounts: [(Mode, Account); 3],
    pub(crate) faults: &'r BTreeMap<&'static str, u32>,
    pub(crate) ends: Ends,
    pub(crate) samples: &'r [Sample],
}

impl Report<'_> {
    /// Nothing is lost, what was ordered stayed so, and whoever was asked to leave ended well.
    pub(crate) fn is_good(&self) -> bool {
        let whole = |(mode, account): &(Mode, Account)| {
            let ordered = *mode != Mode::Orderly || account.out_of_order == 0;
            account.delivered > 0 && account.lost.is_empty() && account.not_retried.is_empty() && ordered
        };
        self.accounts.iter().all(whole) && self.ends.badly.is_empty()
    }

    fn most(&self, of: fn(&Sample) -> f64) -> f64 {
        self.samples.iter().map(of).fold(0.0, f64::max)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { minutes, rate, seed, .. } = self.options;
        let verdict = if self.is_good() { "nothing lost" } else { "NOT GOOD" };
        writeln!(f, "# Soak of {minutes} minutes: {verdict}\n")?;
        writeln!(f, "{} s in all, {rate} msg/s, seed={seed}.", self.took.as_secs())?;
        writeln!(
            f,
            "Stored: {} messages, besides {} sends that failed.\n",
            self.sent.stored, self.sent.failed
        )?;
        writeln!(
            f,
            "| group | delivered | lost | failed and not delivered again | repeated | out of order |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|")?;
        for (mode, account) in &self.accounts {
            let out_of_order = match mode {
                Mode::Orderly => account.out_of_order.to_string(),
                _ => "–".to_owned(),
            };
            let (name, lost, waiting) = (mode.name(), account.lost.len(), account.not_retried.len());
            let (delivered, repeated) = (account.delivered, account.repeated);
            writeln!(f, "| {name} | {delivered} | {lost} | {waiting} | {repeated} | {out_of_order} |")?;
        }
        writeln!(f, "\n| what befell it | times |\n|---|--:|")?;
        for (what, times) in self.faults {
            writeln!(f, "| {what} | {times} |")?;
        }
        let Ends { well, killed, badly } = &self.ends;
        writeln!(f, "\nMembers that left: {well} well, {} badly; killed: {killed}.", badly.len())?;
        badly.iter().try_for_each(|end| writeln!(f, "- {end}"))?;
        let (rss, threads, files) = (self.most(|s| s.rss), self.most(|s| s.threads), self.most(|s| s.files));
        writeln!(f, "A member's most: {rss:.1} MB resident, {threads} threads, {files} descriptors.")?;
        writeln!(f, "Furthest behind: {} messages.", self.most(|s| s.lag))?;
        for (mode, account) in &self.accounts {
            for (queue, offset) in account.lost.iter().take(20) {
                writeln!(f, "- {} lost queue {queue} offset {offset}", mode.name())?;
            }
        }
        Ok(())
    }
}
