//! A descriptor that an event loop can wait for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};

/// Readable from [`WakeFd::set`] to [`WakeFd::clear`]. A pair of sockets: not every event loop takes an eventfd, and a
/// pipe whose reader is gone would raise SIGPIPE.
pub struct WakeFd {
    read: OwnedFd,
    write: OwnedFd,
}

impl WakeFd {
    /// Not readable.
    pub fn new() -> io::Result<WakeFd> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let (read, write) = socketpair(AddressFamily::Unix, SockType::Stream, None, flags)?;
        Ok(WakeFd { read, write })
    }

    /// Makes it readable by one byte. Two calls without a [`WakeFd::clear`] between them are one too many.
    pub fn set(&self) {
        loop {
            // A buffer that is full of earlier bytes is readable all the same.
            match send(self.write.as_raw_fd(), &[1], MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                _ => return,
            }
        }
    }

    /// Makes it unreadable. The host may have read the byte already.
    pub fn clear(&self) {
        let mut bytes = [0; 16];
        loop {
            match recv(self.read.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EINTR) => {}
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
    }

    /// What the event loop waits for. It lives as long as this.
    pub fn fd(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    /// The same for one who closes what it is given.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.read.try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;

    fn is_readable(fd: impl AsFd) -> bool {
        let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn it_is_readable_from_set_to_clear_for_duplicates_too() {
        let wake = WakeFd::new().unwrap();
        let copy = wake.duplicate().unwrap();
        assert!(!is_readable(&wake.read) && !is_readable(&copy));
        wake.set();
        assert!(is_readable(&wake.read) && is_readable(&copy));
        wake.clear();
        assert!(!is_readable(&wake.read) && !is_readable(&copy));
    }

    #[test]
    fn a_byte_that_the_host_read_does_no_harm() {
        let wake = WakeFd::new().unwrap();
        wake.set();
        assert_eq!(recv(wake.fd(), &mut [0; 4], MsgFlags::empty()), Ok(1));
        wake.clear();
        wake.set();
        assert!(is_readable(&wake.read));
    }
}
