//! Texts into buffers of the caller: `(buf, size, needed)` for results, `(errbuf, size)` for failures.

use std::ffi::c_char;

use super::handle;
use crate::error::{Error, ErrorKind, Result};

/// Writes all of `text` and a NUL, or says how much room that takes. NULL and 0 only ask.
///
/// # Safety
/// `buf` is NULL or has room for `size` bytes; `needed` is NULL or may be written to.
pub unsafe fn fill(text: &str, buf: *mut c_char, size: usize, needed: *mut usize) -> Result<()> {
    let takes = text.len() + 1;
    // SAFETY: as this function's own.
    unsafe { handle::store(needed, takes) };
    if buf.is_null() {
        return if size == 0 { Ok(()) } else { Err(handle::null("buf")) };
    }
    if size < takes {
        // SAFETY: `buf` has room for `size` bytes.
        unsafe { put("", buf, size) };
        return Err(Error::new(
            ErrorKind::BufferTooSmall,
            format!("buf has {size} bytes, {takes} are needed"),
        ));
    }
    // SAFETY: `buf` has room for `size` bytes.
    unsafe { put(text, buf, size) };
    Ok(())
}

/// Writes the text of a failure, as much as there is room for; an empty text when there is none.
///
/// # Safety
/// `errbuf` is NULL or has room for `size` bytes.
pub unsafe fn tell(errbuf: *mut c_char, size: usize, error: Option<&Error>) {
    if !errbuf.is_null() {
        // SAFETY: as this function's own.
        unsafe { put(error.map_or("", Error::text), errbuf, size) };
    }
}

/// Writes what fits, whole characters only, and a NUL. A size of 0 writes nothing.
///
/// # Safety
/// `buf` has room for `size` bytes.
unsafe fn put(text: &str, buf: *mut c_char, size: usize) {
    let Some(room) = size.checked_sub(1) else { return };
    let text = cut(text, room);
    // SAFETY: `text` and the NUL are at most `size` bytes, and a Rust text is never inside a buffer of the caller.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buf.cast::<u8>(), text.len());
        buf.add(text.len()).write(0);
    }
}

/// The longest beginning of `text` of at most `room` bytes; ends before a NUL, which would end it in C.
pub(super) fn cut(text: &str, room: usize) -> &str {
    let text = &text[..text.floor_char_boundary(room)];
    text.split('\0').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn filled(text: &str, size: usize) -> (Result<()>, usize, [u8; 8]) {
        let (mut buffer, mut needed) = ([0x55_u8; 8], 0);
        // SAFETY: the buffer has eight bytes.
        let result = unsafe { fill(text, buffer.as_mut_ptr().cast(), size, &raw mut needed) };
        (result, needed, buffer)
    }

    #[test]
    fn a_text_is_written_whole_or_not_at_all() {
        let (result, needed, buffer) = filled("abc", 4);
        assert_eq!((result, needed, &buffer), (Ok(()), 4, b"abc\0UUUU"));
        let (result, needed, buffer) = filled("abc", 3);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BufferTooSmall);
        assert_eq!((needed, &buffer), (4, b"\0UUUUUUU"));
        let (result, needed, buffer) = filled("abc", 0);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::BufferTooSmall);
        assert_eq!((needed, &buffer), (4, b"UUUUUUUU"));
    }

    #[test]
    fn without_a_buffer_only_the_size_is_told() {
        let mut needed = 0;
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(fill("abc", std::ptr::null_mut(), 0, &raw mut needed), Ok(()));
            assert!(fill("abc", std::ptr::null_mut(), 9, std::ptr::null_mut()).is_err());
        }
        assert_eq!(needed, 4);
    }

    #[test]
    fn a_failure_is_cut_between_characters() {
        let mut buffer = [0x55_u8; 8];
        let error = Error::new(ErrorKind::Unknown, "grüße");
        // SAFETY: the buffer has eight bytes.
        unsafe { tell(buffer.as_mut_ptr().cast(), 4, Some(&error)) };
        assert_eq!(CStr::from_bytes_until_nul(&buffer).unwrap().to_bytes(), b"gr");
        assert_eq!(buffer[4..], [0x55; 4]);
    }
}
