//! Knows the threads on which a consumer calls its user: from them it must not be waited for.

use std::cell::Cell;
use std::sync::Arc;

thread_local! {
    /// The consumer that calls its user on this thread, by number; 0 for none.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// One consumer's mark for its callback threads. Clones are the same mark.
#[derive(Clone, Default)]
pub(crate) struct CallbackThread(Arc<u8>);

impl CallbackThread {
    /// The calling thread is one of these, until it ends.
    pub(crate) fn enter(&self) {
        CURRENT.set(self.number());
    }

    /// True on such a thread.
    pub(crate) fn is_current(&self) -> bool {
        CURRENT.get() == self.number()
    }

    /// An address, so two that live at the same time differ.
    fn number(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_belongs_to_the_consumer_it_entered() {
        let (one, other) = (CallbackThread::default(), CallbackThread::default());
        let mark = one.clone();
        std::thread::spawn(move || {
            assert!(!mark.is_current());
            mark.enter();
            assert!(mark.is_current() && !other.is_current());
        })
        .join()
        .unwrap();
        assert!(!one.is_current());
    }
}
