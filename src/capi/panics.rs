//! Every exported function with a panic inside: it answers its fallback and keeps the text.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use super::allocation::*;
use super::assign::*;
use super::batch::*;
use super::callback::*;
use super::config::*;
use super::consumer::*;
use super::context::*;
use super::error::*;
use super::event::*;
use super::filter::*;
use super::guard;
use super::message::*;
use super::origin::*;
use super::poll::*;
use super::queues::*;
use super::route::*;
use super::stopping::*;
use super::tuning::*;
use super::version::*;
use super::view::*;
use super::wakeup::*;

thread_local! {
    static PANICS: Cell<&'static str> = const { Cell::new("") };
}

/// Panics when the test wants this function to.
pub(super) fn inject(function: &'static str) {
    assert!(PANICS.get() != function, "injected");
}

fn text(pointer: *const c_char) -> String {
    // SAFETY: the functions that answer texts answer NUL-terminated ones.
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
}

/// Calls each function with a panic inside and compares the answer.
macro_rules! panicking {
    ($seen:ident; $($function:ident($($argument:expr),*) gives $want:expr;)*) => {$({
        PANICS.set(stringify!($function));
        #[allow(unused_unsafe)]
        // SAFETY: the function panics before it looks at its arguments.
        let got = unsafe { $function($($argument),*) };
        PANICS.set("");
        #[allow(clippy::unit_cmp, clippy::cmp_null)]
        let same = got == $want;
        assert!(same, "{} does not give its fallback", stringify!($function));
        assert_eq!(text(rmq_last_error_message()), concat!(stringify!($function), ": panic: injected"));
        assert_eq!(rmq_last_error_code(), RMQ_E_PANIC);
        assert!($seen.insert(stringify!($function)));
    })*};
}

#[test]
fn every_function_answers_its_fallback_when_it_panics() {
    let mut seen = BTreeSet::new();
    let (no_text, no_buffer, no_size) = (null::<c_char>(), null_mut::<c_char>(), null_mut::<usize>());
    let (config, consumer) = (null_mut::<rmq_config>(), null_mut::<rmq_consumer>());
    let (batch, context, message) = (null::<rmq_batch>(), null_mut::<rmq_context>(), null::<rmq_message>());
    let event = null::<rmq_event>();
    panicking! { seen;
        rmq_version() gives c"".as_ptr();
        rmq_version_number() gives 0;
        rmq_abi_version() gives -1;
        rmq_build_info_json() gives c"{}".as_ptr();
        rmq_check_version(0) gives RMQ_E_PANIC;
        rmq_code_name(0) gives c"UNKNOWN".as_ptr();
        rmq_code_string(0) gives c"".as_ptr();
        rmq_code_is_retriable(RMQ_E_TIMEOUT) gives 0;
        rmq_code_is_fatal(RMQ_E_PANIC) gives 0;
        rmq_codes_json() gives c"[]".as_ptr();
        rmq_last_error_code() gives RMQ_E_PANIC;
        rmq_last_error_message() gives c"".as_ptr();
        rmq_last_broker_remark() gives c"".as_ptr();
        rmq_config_new() gives null_mut();
        rmq_config_clone(config) gives null_mut();
        rmq_config_destroy(config) gives ();
        rmq_config_set(config, no_text, no_text, no_buffer, 0) gives RMQ_E_PANIC;
        rmq_config_get(config, no_text, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_config_load_json(config, no_text, 0, no_buffer, 0) gives RMQ_E_PANIC;
        rmq_config_dump_json(config, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_config_properties_json() gives c"[]".as_ptr();
        rmq_config_set_group(config, no_text) gives RMQ_E_PANIC;
        rmq_config_set_namesrv_addr(config, no_text) gives RMQ_E_PANIC;
        rmq_config_set_instance_name(config, no_text) gives RMQ_E_PANIC;
        rmq_config_set_credentials(config, no_text, no_text, no_text) gives RMQ_E_PANIC;
        rmq_config_set_message_model(config, 1) gives RMQ_E_PANIC;
        rmq_config_set_consume_threads(config, 1) gives RMQ_E_PANIC;
        rmq_config_set_batch_size(config, 1) gives RMQ_E_PANIC;
        rmq_config_set_max_reconsume_times(config, 1) gives RMQ_E_PANIC;
        rmq_config_set_log_callback(config, None, null_mut(), None) gives RMQ_E_PANIC;
        rmq_consumer_new(config, no_buffer, 0) gives null_mut();
        rmq_consumer_assign(consumer, no_text) gives RMQ_E_PANIC;
        rmq_consumer_pause(consumer, no_text, no_text, -1) gives RMQ_E_PANIC;
        rmq_consumer_resume(consumer, no_text, no_text, -1) gives RMQ_E_PANIC;
        rmq_consumer_commit(consumer) gives RMQ_E_PANIC;
        rmq_consumer_commit_queue(consumer, no_text, no_text, 0) gives RMQ_E_PANIC;
        rmq_consumer_committed(consumer, no_text, no_text, 0, null_mut()) gives RMQ_E_PANIC;
        rmq_consumer_position(consumer, no_text, no_text, 0, null_mut()) gives RMQ_E_PANIC;
        rmq_consumer_watermarks(consumer, no_text, no_text, 0, null_mut(), null_mut()) gives RMQ_E_PANIC;
        rmq_consumer_seek(consumer, no_text, no_text, 0, 0) gives RMQ_E_PANIC;
        rmq_consumer_seek_begin(consumer, no_text, no_text, 0) gives RMQ_E_PANIC;
        rmq_consumer_seek_end(consumer, no_text, no_text, 0) gives RMQ_E_PANIC;
        rmq_consumer_seek_timestamp(consumer, no_text, no_text, 0, 0) gives RMQ_E_PANIC;
        rmq_consumer_set_namesrv_addr(consumer, no_text) gives RMQ_E_PANIC;
        rmq_consumer_set_thread_max(consumer, 1) gives RMQ_E_PANIC;
        rmq_consumer_set_rate_limit(consumer, no_text, 1) gives RMQ_E_PANIC;
        rmq_consumer_subscribe(consumer, no_text, no_text) gives RMQ_E_PANIC;
        rmq_consumer_unsubscribe(consumer, no_text) gives RMQ_E_PANIC;
        rmq_is_tag_type(no_text) gives 0;
        rmq_consumer_subscribe_selector(consumer, no_text, no_text, no_text) gives RMQ_E_PANIC;
        rmq_consumer_subscribe_pattern(consumer, no_text, no_text, no_text) gives RMQ_E_PANIC;
        rmq_consumer_unsubscribe_pattern(consumer, no_text) gives RMQ_E_PANIC;
        rmq_consumer_filter_regex(consumer, no_text, no_text, no_text) gives RMQ_E_PANIC;
        rmq_consumer_subscriptions_json(consumer, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_start(consumer) gives RMQ_E_PANIC;
        rmq_consumer_shutdown(consumer, 0) gives RMQ_E_PANIC;
        rmq_consumer_destroy(consumer) gives RMQ_E_PANIC;
        rmq_consumer_request_stop(consumer) gives RMQ_E_PANIC;
        rmq_consumer_wait_stopped(consumer, 0) gives RMQ_E_PANIC;
        rmq_consumer_fatal_error(consumer, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_state(consumer) gives RMQ_E_PANIC;
        rmq_consumer_is_started(consumer) gives 0;
        rmq_consumer_client_id(consumer) gives null();
        rmq_consumer_last_error(consumer, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_assignment_json(consumer, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_stats_json(consumer, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_route_json(consumer, null(), no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_consumer_set_message_callback(consumer, None, null_mut(), None) gives RMQ_E_PANIC;
        rmq_consumer_set_event_callback(consumer, 0, None, null_mut(), None) gives RMQ_E_PANIC;
        rmq_consumer_poll_event(consumer, 0, null_mut()) gives RMQ_E_PANIC;
        rmq_event_kind(event) gives 0;
        rmq_event_code(event) gives RMQ_E_PANIC;
        rmq_event_level(event) gives 0;
        rmq_event_text(event) gives null();
        rmq_event_json(event) gives null();
        rmq_event_target(event) gives null();
        rmq_event_count(event) gives 0;
        rmq_event_destroy(event.cast_mut()) gives ();
        rmq_consumer_set_allocate_callback(consumer, None, null_mut(), None) gives RMQ_E_PANIC;
        rmq_allocation_topic(null(), no_size) gives null();
        rmq_allocation_client_id(null(), no_size) gives null();
        rmq_allocation_member_count(null()) gives 0;
        rmq_allocation_member_at(null(), 0, no_size) gives null();
        rmq_allocation_queue_count(null()) gives 0;
        rmq_allocation_queue_broker(null(), 0, no_size) gives null();
        rmq_allocation_queue_id(null(), 0) gives -1;
        rmq_consumer_poll(consumer, 1, 0, null_mut()) gives RMQ_E_PANIC;
        rmq_consumer_wakeup(consumer) gives RMQ_E_PANIC;
        rmq_consumer_wakeup_fd(consumer) gives RMQ_E_PANIC;
        rmq_consumer_wakeup_fd_dup(consumer) gives RMQ_E_PANIC;
        rmq_consumer_set_wakeup_callback(consumer, None, null_mut(), None) gives RMQ_E_PANIC;
        rmq_batch_retain(batch) gives null_mut();
        rmq_batch_ack(batch) gives RMQ_E_PANIC;
        rmq_batch_ack_until(batch, 0) gives RMQ_E_PANIC;
        rmq_batch_ack_at(batch, 0) gives RMQ_E_PANIC;
        rmq_batch_retry(batch, 0) gives RMQ_E_PANIC;
        rmq_batch_retry_at(batch, 0, 0) gives RMQ_E_PANIC;
        rmq_batch_suspend(batch, 10) gives RMQ_E_PANIC;
        rmq_batch_unsettled(batch) gives 0;
        rmq_batch_destroy(batch.cast_mut()) gives ();
        rmq_context_set_suspend_ms(context, 10) gives RMQ_E_PANIC;
        rmq_context_set_auto_commit(context, 1) gives RMQ_E_PANIC;
        rmq_batch_count(batch) gives 0;
        rmq_batch_at(batch, 0) gives null();
        rmq_batch_topic(batch, no_size) gives null();
        rmq_batch_broker(batch, no_size) gives null();
        rmq_batch_queue_id(batch) gives -1;
        rmq_batch_views(batch, null_mut(), 0, 0) gives 0;
        rmq_context_set_delay_level(context, 0) gives RMQ_E_PANIC;
        rmq_context_set_ack_index(context, 0) gives RMQ_E_PANIC;
        rmq_context_queue_id(context) gives -1;
        rmq_context_topic(context, no_size) gives null();
        rmq_context_broker(context, no_size) gives null();
        rmq_message_topic(message, no_size) gives null();
        rmq_message_stored_topic(message, no_size) gives null();
        rmq_message_tags(message, no_size) gives null();
        rmq_message_keys(message, no_size) gives null();
        rmq_message_msg_id(message, no_size) gives null();
        rmq_message_offset_msg_id(message, no_size) gives null();
        rmq_message_transaction_id(message, no_size) gives null();
        rmq_message_broker_name(message, no_size) gives null();
        rmq_message_born_host(message, no_size) gives null();
        rmq_message_store_host(message, no_size) gives null();
        rmq_message_body(message, no_size) gives null();
        rmq_message_origin_topic(message, no_size) gives no_text;
        rmq_message_origin_msg_id(message, no_size) gives no_text;
        rmq_message_origin_offset_msg_id(message, no_size) gives no_text;
        rmq_dead_letter_topic(no_text, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_message_property(message, no_text, no_size) gives null();
        rmq_message_property_count(message) gives 0;
        rmq_message_property_at(message, 0, null_mut(), no_size, null_mut(), no_size) gives RMQ_E_PANIC;
        rmq_message_queue_id(message) gives -1;
        rmq_message_queue_offset(message) gives -1;
        rmq_message_commit_log_offset(message) gives -1;
        rmq_message_born_timestamp(message) gives -1;
        rmq_message_store_timestamp(message) gives -1;
        rmq_message_reconsume_times(message) gives -1;
        rmq_message_delay_level(message) gives -1;
        rmq_message_flag(message) gives 0;
        rmq_message_sys_flag(message) gives 0;
        rmq_message_store_size(message) gives -1;
        rmq_message_body_crc(message) gives 0;
        rmq_message_prepared_transaction_offset(message) gives -1;
        rmq_message_to_json(message, no_buffer, 0, no_size) gives RMQ_E_PANIC;
        rmq_message_retain(message) gives null_mut();
        rmq_message_release(null_mut()) gives ();
    }
    let exported: BTreeSet<&str> = include_str!("../../tests/exports.txt").lines().collect();
    assert_eq!(seen, exported, "each exported function needs a row");
}

#[test]
fn a_panic_leaves_the_consumer_fatal_and_destroyable() {
    let config = rmq_config_new();
    // SAFETY: handles are used as documented.
    unsafe {
        assert_eq!(rmq_config_set_group(config, c"G".as_ptr()), RMQ_OK);
        assert_eq!(rmq_config_set_namesrv_addr(config, c"127.0.0.1:9876".as_ptr()), RMQ_OK);
        let consumer = rmq_consumer_new(config, null_mut(), 0);
        let code = guard::code("here", || guard::on_consumer(consumer, |_| panic!("of all places")));
        assert_eq!(code, RMQ_E_PANIC);
        assert_eq!(text(rmq_last_error_message()), "panic: of all places");
        assert_eq!(rmq_consumer_state(consumer), RMQ_STATE_FATAL);
        let mut told = [0; 64];
        assert_eq!(rmq_consumer_fatal_error(consumer, told.as_mut_ptr(), told.len(), null_mut()), RMQ_OK);
        assert_eq!(text(told.as_ptr()), "panic: of all places");
        assert_eq!(rmq_consumer_destroy(consumer), RMQ_OK);
        rmq_config_destroy(config);
    }
}

#[test]
fn a_panic_without_a_text_is_swallowed() {
    let code = guard::code("here", || std::panic::panic_any(7));
    assert_eq!((code, text(rmq_last_error_message()).as_str()), (RMQ_E_PANIC, "here: panic: no text"));
}
