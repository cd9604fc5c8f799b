//! The limit of latency: one outstanding long poll for each queue, and the clock when its answer is read.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::records::{records, stamp};
use super::registered::Registered;
use crate::options::Options;
use crate::samples::{Sample, write_samples};
use crate::stats::percentile;

/// Reads until `count` stamped messages came.
pub(super) fn run(options: &Options) {
    let count = usize::try_from(options.number("count", 0)).unwrap();
    let mut warmup = options.number("warmup", 0);
    let mut bare = Registered::new(options.text("ns"), options.text("group"), options.text("topic"));
    let mut asked: HashMap<i32, i32> = HashMap::new();
    for queue in 0..bare.queues {
        asked.insert(bare.pull(queue, 0), queue);
    }
    let mut samples: Vec<Sample> = Vec::with_capacity(count);
    while samples.len() < count {
        let (opaque, result) = bare.pulled();
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
        let queue = asked.remove(&opaque).unwrap_or_default();
        asked.insert(bare.pull(queue, result.position.next_begin_offset), queue);
        for record in records(&result.body) {
            if let Some(stamp) = stamp(record) {
                samples.push(Sample { stamp, nanos: now - stamp });
            } else {
                if warmup == 1 {
                    println!("ready");
                }
                warmup = warmup.saturating_sub(1);
            }
        }
    }
    if let Some(path) = options.get("samples") {
        write_samples(path.as_ref(), &samples).unwrap();
    }
    let nanos: Vec<f64> = samples.iter().map(|sample| sample.nanos as f64).collect();
    let micros = |percent| percentile(&nanos, percent) / 1e3;
    println!(
        "{{\"client\":\"bare\",\"messages\":{},\"p50_us\":{:.0},\"p99_us\":{:.0},\"max_us\":{:.0}}}",
        samples.len(),
        micros(50),
        micros(99),
        micros(100)
    );
}
