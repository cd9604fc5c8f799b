//! From C's pointers to references and texts.

use std::ffi::{CStr, c_char};

use crate::error::{Error, ErrorKind, Result};

/// A handle that is read.
///
/// # Safety
/// `pointer` is NULL or points to a `T` that outlives `'a` and is not written to meanwhile.
pub unsafe fn borrow<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: as this function's own.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// A handle that is changed.
///
/// # Safety
/// `pointer` is NULL or points to a `T` that outlives `'a` and that nobody else uses meanwhile.
pub unsafe fn borrow_mut<'a, T>(pointer: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: as this function's own.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

/// A text that must be there.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated text that outlives `'a`.
pub unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: as this function's own.
    unsafe { text_or(pointer, name) }?.ok_or_else(|| null(name))
}

/// A text that may be NULL.
///
/// # Safety
/// As for [`text`].
pub unsafe fn text_or<'a>(pointer: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, hence a text by this function's own rule.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map(Some).map_err(|e| not_utf8(name, e))
}

/// A text with its length.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes that outlive `'a`.
pub unsafe fn sized_text<'a>(pointer: *const c_char, len: usize, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // No object is larger; a negative number that became a size is.
    if isize::try_from(len).is_err() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{name}: {len} bytes are more than memory has"),
        ));
    }
    // SAFETY: it is not NULL and the length is possible, hence `len` bytes by this function's own rule.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) };
    std::str::from_utf8(bytes).map_err(|e| not_utf8(name, e))
}

/// Stores through an out-pointer that may be NULL.
///
/// # Safety
/// `pointer` is NULL or may be written to.
pub unsafe fn store<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: as this function's own.
        unsafe { pointer.write(value) };
    }
}

/// The failure of a pointer that must not be NULL.
pub fn null(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{name} is NULL"))
}

fn not_utf8(name: &str, error: std::str::Utf8Error) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("{name} is not UTF-8 from byte {} on", error.valid_up_to()),
    )
}
