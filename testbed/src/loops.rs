//! How often a test repeats what depends on timing.

/// What `RMQ_LOOPS` says; 5 without it.
pub fn loops() -> u32 {
    match std::env::var("RMQ_LOOPS") {
        Ok(loops) => loops.parse().unwrap_or_else(|e| panic!("RMQ_LOOPS is {loops:?}: {e}")),
        Err(_) => 5,
    }
}
