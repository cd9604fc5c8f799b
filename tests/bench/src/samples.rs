//! Latencies of single messages, as files that two readers' can be compared by.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// How long one message took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it was sent, in nanoseconds since 1970; no two messages have the same.
    pub(crate) stamp: i64,
    /// From then to the reader, by the machine's clock.
    pub(crate) nanos: i64,
}

/// Writes one line a sample.
pub(crate) fn write_samples(path: &Path, samples: &[Sample]) -> std::io::Result<()> {
    let mut text = String::new();
    for sample in samples {
        let _ = writeln!(text, "{} {}", sample.stamp, sample.nanos);
    }
    fs::write(path, text)
}

/// Reads what [`write_samples`] or consume.c wrote.
pub(crate) fn read_samples(path: &Path) -> Result<Vec<Sample>, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let sample = |line: &str| {
        let (stamp, nanos) = line.split_once(' ')?;
        Some(Sample { stamp: stamp.parse().ok()?, nanos: nanos.parse().ok()? })
    };
    text.lines().map(|line| sample(line).ok_or_else(|| format!("not a sample: {line}"))).collect()
}

/// For each message both got: how much later `a` had it than `b`, in nanoseconds.
pub(crate) fn differences(a: &[Sample], b: &[Sample]) -> Vec<f64> {
    let b: HashMap<i64, i64> = b.iter().map(|sample| (sample.stamp, sample.nanos)).collect();
    a.iter().filter_map(|sample| Some((sample.nanos - b.get(&sample.stamp)?) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_matched_by_their_stamps() {
        let sample = |stamp, nanos| Sample { stamp, nanos };
        let a = [sample(1, 10), sample(2, 20), sample(3, 30)];
        let b = [sample(3, 31), sample(1, 5)];
        assert_eq!(differences(&a, &b), [5.0, -1.0]);
    }
}
