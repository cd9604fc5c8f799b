//! Which version this is, and whether it fits a header.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use super::error::{owned, rmq_code};
use super::guard;
use crate::error::{Error, ErrorKind};

/// The number in the library's SONAME; it changes when programs have to be built again.
const ABI: i32 = 0;

/// Gives the version of the library that is loaded.
///
/// @returns a text like "0.1.0"; never NULL, lives as long as the process
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_version() -> *const c_char {
    guard::value("rmq_version", c"".as_ptr(), || Ok(concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()))
}

/// Gives the version of the library that is loaded as a number, to compare with RMQ_VERSION_NUMBER.
///
/// @returns major << 16 | minor << 8 | patch
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_version_number() -> u32 {
    guard::value("rmq_version_number", 0, || Ok(NUMBER))
}

/// Gives the number in the library's SONAME.
///
/// @returns 0 for librmq.so.0
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_abi_version() -> i32 {
    guard::value("rmq_abi_version", -1, || Ok(ABI))
}

/// Tells how the library was built.
///
/// @returns a JSON object with version, abi, os, arch, debug and compression; never NULL, lives as long as the process
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_build_info_json() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    guard::value("rmq_build_info_json", c"{}".as_ptr(), || {
        Ok(TEXT.get_or_init(|| owned(&build_info())).as_ptr())
    })
}

/// Checks that the library that is loaded is not older than the header a program was built with, and is of its ABI.
/// RMQ_CHECK_VERSION() passes the header's number.
///
/// @param header_number  RMQ_VERSION_NUMBER of the header
/// @returns RMQ_OK; RMQ_E_UNSUPPORTED if the library is older or of another ABI
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_check_version(header_number: u32) -> rmq_code {
    guard::code("rmq_check_version", || {
        // The major number is the SONAME's, so it tells the ABI.
        if header_number >> 16 == NUMBER >> 16 && header_number <= NUMBER {
            return Ok(());
        }
        let header =
            format!("{}.{}.{}", header_number >> 16, (header_number >> 8) & 0xff, header_number & 0xff);
        let text = format!(
            "the program was built for version {header}, the library is {}",
            env!("CARGO_PKG_VERSION")
        );
        Err(Error::new(ErrorKind::Unsupported, text))
    })
}

const NUMBER: u32 = {
    let parts =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    number(parts[0]) << 16 | number(parts[1]) << 8 | number(parts[2])
};

const fn number(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let (mut value, mut at) = (0, 0);
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u32;
        at += 1;
    }
    value
}

fn build_info() -> String {
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "abi": ABI,
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "debug": cfg!(debug_assertions),
        "compression": ["zlib", "lz4", "zstd"],
    })
    .to_string()
}
