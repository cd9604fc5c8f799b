//! Tells ThreadSanitizer of the locks that std takes and lets go by itself.
//!
//! rustc's own std is built without it. What std does inline – a lock that is free, every unlock, a look at a `Once` that
//! is done – is compiled into our crates and seen there; these functions are not, and without them each contended lock and
//! each wait would look like a race of what it guards. scripts/sanitize.sh finds their symbols, has the linker lead every
//! call of them here (`--wrap`), and links this into all that it builds.
//!
//! `Arc` is inline, too, but ends with a fence, and ThreadSanitizer knows none: what the other owners did would race with
//! the drop. So whoever counts down acquires what those before released.

use std::sync::OnceState;
use std::time::Duration;

/// A lock, a condition variable or a `Once` of `std::sys`: its state is at the same address.
type State = *const u32;

unsafe extern "C" {
    fn __tsan_acquire(state: State);
    fn __tsan_release(state: State);
}

unsafe extern "C" {
    #[link_name = "__real___tsan_atomic64_fetch_sub"]
    fn real_fetch_sub(count: *mut u64, less: u64, order: i32) -> u64;
}

/// C's names of memory orders.
const RELEASE: i32 = 3;
const ACQUIRE_RELEASE: i32 = 4;

#[unsafe(export_name = "__wrap___tsan_atomic64_fetch_sub")]
unsafe extern "C" fn fetch_sub(count: *mut u64, less: u64, order: i32) -> u64 {
    unsafe { real_fetch_sub(count, less, if order == RELEASE { ACQUIRE_RELEASE } else { order }) }
}

unsafe extern "Rust" {
    #[link_name = "__real_MUTEX_LOCK_CONTENDED"]
    fn real_lock(mutex: State);
    #[link_name = "__real_RWLOCK_READ_CONTENDED"]
    fn real_read(lock: State);
    #[link_name = "__real_RWLOCK_WRITE_CONTENDED"]
    fn real_write(lock: State);
    #[link_name = "__real_CONDVAR_WAIT"]
    fn real_wait(condvar: State, mutex: State);
    #[link_name = "__real_CONDVAR_WAIT_TIMEOUT"]
    fn real_wait_timeout(condvar: State, mutex: State, timeout: Duration) -> bool;
    // The last one is `#[track_caller]`'s.
    #[link_name = "__real_ONCE_CALL"]
    fn real_call(once: State, ignore_poisoning: bool, first: &mut dyn FnMut(&OnceState), caller: usize);
}

#[unsafe(export_name = "__wrap_MUTEX_LOCK_CONTENDED")]
unsafe fn lock(mutex: State) {
    unsafe {
        real_lock(mutex);
        __tsan_acquire(mutex);
    }
}

#[unsafe(export_name = "__wrap_RWLOCK_READ_CONTENDED")]
unsafe fn read(lock: State) {
    unsafe {
        real_read(lock);
        __tsan_acquire(lock);
    }
}

#[unsafe(export_name = "__wrap_RWLOCK_WRITE_CONTENDED")]
unsafe fn write(lock: State) {
    unsafe {
        real_write(lock);
        __tsan_acquire(lock);
    }
}

#[unsafe(export_name = "__wrap_CONDVAR_WAIT")]
unsafe fn wait(condvar: State, mutex: State) {
    unsafe {
        __tsan_release(mutex);
        real_wait(condvar, mutex);
        __tsan_acquire(mutex);
    }
}

#[unsafe(export_name = "__wrap_CONDVAR_WAIT_TIMEOUT")]
unsafe fn wait_timeout(condvar: State, mutex: State, timeout: Duration) -> bool {
    unsafe {
        __tsan_release(mutex);
        let notified = real_wait_timeout(condvar, mutex, timeout);
        __tsan_acquire(mutex);
        notified
    }
}

#[unsafe(export_name = "__wrap_ONCE_CALL")]
unsafe fn call(once: State, ignore_poisoning: bool, first: &mut dyn FnMut(&OnceState), caller: usize) {
    // Before others may see that it is done.
    let mut first = |state: &OnceState| {
        first(state);
        unsafe { __tsan_release(once) };
    };
    unsafe {
        real_call(once, ignore_poisoning, &mut first, caller);
        __tsan_acquire(once);
    }
}
