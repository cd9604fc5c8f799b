//! The limit: PULL in a loop, bytes thrown away. One connection, one outstanding pull for each queue.

use std::collections::HashMap;
use std::time::Instant;

use super::records::records;
use super::registered::Registered;
use crate::options::Options;

/// Pulls `count` messages.
pub(super) fn run(options: &Options) {
    let count = options.number("count", 0);
    let start = Instant::now();
    let mut bare = Registered::new(options.text("ns"), options.text("group"), options.text("topic"));
    let mut asked: HashMap<i32, i32> = HashMap::new();
    for queue in 0..bare.queues {
        asked.insert(bare.pull(queue, 0), queue);
    }
    let mut first = None;
    let mut messages = 0;
    while messages < count {
        let (opaque, result) = bare.pulled();
        let queue = asked.remove(&opaque).unwrap_or_default();
        let next = result.position.next_begin_offset;
        asked.insert(bare.pull(queue, next), queue);
        messages += records(&result.body).count() as u64;
        if messages > 0 {
            first.get_or_insert_with(Instant::now);
        }
    }
    let first = first.unwrap_or(start);
    println!(
        "{{\"client\":\"bare\",\"messages\":{messages},\"start_to_first_nanos\":{},\"first_to_last_nanos\":{}}}",
        (first - start).as_nanos(),
        first.elapsed().as_nanos()
    );
}
