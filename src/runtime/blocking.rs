//! Calls that block, such as those to a disk, away from the I/O threads.

use std::io;

/// Runs `call` on a thread that may block and answers what it answered. It is not cut off when nobody waits for it
/// any more. Fails when the call panicked, or when the runtime ends.
pub async fn run<T, F>(call: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    tokio::task::spawn_blocking(call).await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert_eq!(super::run(|| 7).await.unwrap(), 7);
        assert!(super::run(|| panic!("on purpose")).await.is_err());
    }
}
