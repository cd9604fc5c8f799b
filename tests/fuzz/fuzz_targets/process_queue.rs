#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rmq_fuzz::process_queue::run(data));
