//! The least a client must do to be answered by a broker: what the benches measure the others against.
//!
//! `rmq-bench bare ns=.. group=.. topic=.. count=.. [mode=throughput|latency] [warmup=0] [samples=FILE] [within=120]`:
//! options and answer are those of the other clients, see testbed/src/peers.rs.

mod connection;
mod first;
mod latency;
mod pull;
mod records;
mod registered;

pub(crate) use first::{first_message, prepare_group};

use crate::options::Options;

/// Runs as a client program.
pub(crate) fn run(options: &Options) {
    let seconds = options.number("within", 120).try_into().unwrap_or(u32::MAX);
    // SAFETY: a plain system call; when the time is over the signal ends this process, which holds nothing.
    unsafe { libc::alarm(seconds) };
    match options.text_or("mode", "throughput") {
        "throughput" => pull::run(options),
        "latency" => latency::run(options),
        mode => panic!("mode={mode}"),
    }
}
