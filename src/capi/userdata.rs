//! What the host hands over beside a callback: passed back on every call, freed exactly once.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::MutexGuard;

use super::callback::rmq_free_cb;
use super::consumer::{Inner, rmq_consumer};
use super::guard;
use crate::consumer::Consumer;
use crate::error::Result;

/// The host's pointer and how to free it. It is freed when this is dropped, by whoever drops it: only functions the
/// host called may do that, since finalizers of many languages must not run on a foreign thread. Threads of the library
/// therefore hold copies of [`Userdata::pointer`], never this.
#[derive(Debug)]
pub(super) struct Userdata {
    pointer: *mut c_void,
    free: rmq_free_cb,
}

// SAFETY: the pointer is only passed back to the host, who was told from which threads its functions are called.
unsafe impl Send for Userdata {}
// SAFETY: as above; nothing in it changes.
unsafe impl Sync for Userdata {}

impl Userdata {
    pub(super) fn new(pointer: *mut c_void, free: rmq_free_cb) -> Userdata {
        Userdata { pointer, free }
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.pointer
    }

    /// Gives it back unfreed: the call that should have taken it over failed.
    pub(super) fn release(mut self) {
        self.free = None;
    }
}

impl Drop for Userdata {
    fn drop(&mut self) {
        if let Some(free) = self.free.take() {
            // SAFETY: the host gave the function for this pointer, and `take` lets it run once.
            let freed = catch_unwind(AssertUnwindSafe(|| unsafe { free(self.pointer) }));
            if let Err(payload) = freed {
                guard::swallow(payload);
            }
        }
    }
}

/// Takes over the userdata of a callback that `set` gives to the consumer, and frees that of the callback before: here,
/// on the caller's thread and with no lock held. If `set` fails, both stay whose they were.
///
/// # Safety
/// `consumer` is NULL or came from `rmq_consumer_new` and is not destroyed.
pub(super) unsafe fn install<T>(
    consumer: *const rmq_consumer,
    owner: impl FnOnce(&Inner) -> MutexGuard<'_, Option<Userdata>>,
    userdata: Userdata,
    set: impl FnOnce(&Consumer) -> Result<T>,
) -> Result<()> {
    let mut given = Some(userdata);
    // SAFETY: as this function's own.
    let before = unsafe {
        guard::on_consumer(consumer, |inner| {
            let mut owned = owner(inner);
            set(inner.engine())?;
            Ok(std::mem::replace(&mut *owned, given.take()))
        })
    };
    if let Some(refused) = given {
        refused.release();
    }
    before.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    unsafe extern "C-unwind" fn count(userdata: *mut c_void) {
        // SAFETY: the tests below pass a counter.
        unsafe { &*userdata.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn it_is_freed_once_unless_it_was_released() {
        let mut counter = AtomicUsize::new(0);
        let pointer = (&raw mut counter).cast();
        drop(Userdata::new(pointer, Some(count)));
        Userdata::new(pointer, Some(count)).release();
        drop(Userdata::new(pointer, None));
        assert_eq!(counter.load(Ordering::Relaxed), 1);
    }
}
