//! The configuration handle.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use super::callback::rmq_free_cb;
use super::error::{owned, rmq_code};
use super::log::{LogSink, rmq_log_cb};
use super::{buffer, guard, handle};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// The members of the group share the messages.
pub const RMQ_MESSAGE_MODEL_CLUSTERING: i32 = 1;
/// Each member of the group gets all messages.
pub const RMQ_MESSAGE_MODEL_BROADCASTING: i32 = 2;

/// The properties of a consumer to be; made by rmq_config_new, ended by rmq_config_destroy. One thread at a time.
pub struct rmq_config {
    pub(super) config: Config,
    pub(super) log: Option<LogSink>,
}

/// Makes a configuration in which every property has its default.
///
/// @returns a handle; NULL only when the library has a bug, which rmq_last_error_message tells
/// @par Thread-safety  any thread, may be called from a message callback
/// @par Ownership      the caller's; end it with rmq_config_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_config_new() -> *mut rmq_config {
    guard::value("rmq_config_new", ptr::null_mut(), || {
        Ok(Box::into_raw(Box::new(rmq_config { config: Config::new(), log: None })))
    })
}

/// Copies a configuration, its log callback included; the callback's userdata is freed after the last of both.
///
/// @param config  borrowed; must not be NULL
/// @returns a handle; NULL if config is NULL
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      the caller's; end it with rmq_config_destroy
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_clone(config: *const rmq_config) -> *mut rmq_config {
    guard::value("rmq_config_clone", ptr::null_mut(), || {
        // SAFETY: NULL or a live configuration, as the documentation asks.
        let from = unsafe { handle::borrow(config, "config") }?;
        Ok(Box::into_raw(Box::new(rmq_config { config: from.config.clone(), log: from.log.clone() })))
    })
}

/// Ends a configuration. Consumers that were made from it are not affected.
///
/// @param config  a configuration of the caller's, or NULL, which does nothing
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      ends; the log callback's userdata is freed here unless a copy or a consumer still needs it
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_destroy(config: *mut rmq_config) {
    guard::value("rmq_config_destroy", (), || {
        if !config.is_null() {
            // SAFETY: it came from rmq_config_new or _clone, and the caller ends its use here.
            drop(unsafe { Box::from_raw(config) });
        }
        Ok(())
    });
}

/// Sets a property. docs/CONFIGURATION.md and rmq_config_properties_json list them; Java's names and their snake_case
/// forms are accepted too, in Java's unit.
///
/// @param config  must not be NULL
/// @param key     UTF-8, for example "consumer.group"
/// @param value   UTF-8; numbers and booleans as text
/// @param errbuf  gets the text of a failure, cut to size; may be NULL
/// @param size    bytes of errbuf
/// @returns RMQ_OK; RMQ_E_CONFIG_KEY if there is no such property; RMQ_E_CONFIG_VALUE if it does not take the value;
///          RMQ_E_UNSUPPORTED if what it asks for is not in this version; RMQ_E_INVALID_ARG. The configuration is
///          unchanged on failure
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      key and value are copied
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set(
    config: *mut rmq_config,
    key: *const c_char,
    value: *const c_char,
    errbuf: *mut c_char,
    size: usize,
) -> rmq_code {
    // SAFETY: pointers are NULL or as documented above.
    unsafe {
        guard::code_told("rmq_config_set", (errbuf, size), || {
            handle::borrow_mut(config, "config")?
                .config
                .set(handle::text(key, "key")?, handle::text(value, "value")?)
        })
    }
}

/// Gives the value a property has: set, or its default. An alias answers in its own unit. Secrets are masked.
///
/// @param config  borrowed; must not be NULL
/// @param key     UTF-8, any name of the property
/// @param buf     gets the value and a NUL; NULL with size 0 only asks for the size
/// @param size    bytes of buf
/// @param needed  gets the bytes the value takes, its NUL included; may be NULL
/// @returns RMQ_OK, with an empty text for a property that is not set and has no default; RMQ_E_BUFFER_TOO_SMALL;
///          RMQ_E_CONFIG_KEY; RMQ_E_CONFIG_VALUE if the value is no whole number of the alias' unit; RMQ_E_UNSUPPORTED
///          for a Java property that this version lacks; RMQ_E_INVALID_ARG
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      nothing is transferred
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_get(
    config: *const rmq_config,
    key: *const c_char,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_config_get", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            let value = handle::borrow(config, "config")?.config.get(handle::text(key, "key")?)?;
            buffer::fill(&value, buf, size, needed)
        }
    })
}

/// Sets every property that a JSON object names; its values are texts, numbers or booleans. All or none.
///
/// @param config  must not be NULL
/// @param json    UTF-8, needs no NUL
/// @param len     bytes of json
/// @param errbuf  gets the text of a failure, cut to size; may be NULL
/// @param size    bytes of errbuf
/// @returns RMQ_OK; RMQ_E_CONFIG_KEY, RMQ_E_CONFIG_VALUE, RMQ_E_UNSUPPORTED as rmq_config_set; RMQ_E_CONFIG_VALUE if it
///          is no JSON object; RMQ_E_INVALID_ARG. The configuration is unchanged on failure
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      json is copied
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_load_json(
    config: *mut rmq_config,
    json: *const c_char,
    len: usize,
    errbuf: *mut c_char,
    size: usize,
) -> rmq_code {
    // SAFETY: pointers are NULL or as documented above.
    unsafe {
        guard::code_told("rmq_config_load_json", (errbuf, size), || {
            handle::borrow_mut(config, "config")?.config.load_json(handle::sized_text(json, len, "json")?)
        })
    }
}

/// Gives every property that has a value, set or default, as a JSON object of texts. Secrets are masked.
///
/// @param config  borrowed; must not be NULL
/// @param buf     gets the object and a NUL; NULL with size 0 only asks for the size
/// @param size    bytes of buf
/// @param needed  gets the bytes the object takes, its NUL included; may be NULL
/// @returns RMQ_OK; RMQ_E_BUFFER_TOO_SMALL; RMQ_E_INVALID_ARG
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      nothing is transferred
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_dump_json(
    config: *const rmq_config,
    buf: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> rmq_code {
    guard::code("rmq_config_dump_json", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe {
            let text = handle::borrow(config, "config")?.config.dump_json();
            buffer::fill(&text, buf, size, needed)
        }
    })
}

/// Lists every property with its names, type, unit, range, default and meaning.
///
/// @returns a JSON array; never NULL, lives as long as the process
/// @par Thread-safety  any thread, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub extern "C" fn rmq_config_properties_json() -> *const c_char {
    static TEXT: OnceLock<CString> = OnceLock::new();
    guard::value("rmq_config_properties_json", c"[]".as_ptr(), || {
        Ok(TEXT.get_or_init(|| owned(&Config::properties_json())).as_ptr())
    })
}

/// Sets the consumer group, as rmq_config_set of "consumer.group".
///
/// @param config  must not be NULL
/// @param group   UTF-8, copied
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_group(config: *mut rmq_config, group: *const c_char) -> rmq_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_config_set_group", || unsafe { set_text(config, "consumer.group", group, "group") })
}

/// Sets the name servers, as rmq_config_set of "namesrv.addr".
///
/// @param config     must not be NULL
/// @param addresses  UTF-8, copied; host:port, several separated by ;
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_namesrv_addr(
    config: *mut rmq_config,
    addresses: *const c_char,
) -> rmq_code {
    guard::code("rmq_config_set_namesrv_addr", || {
        // SAFETY: pointers are NULL or as documented above.
        unsafe { set_text(config, "namesrv.addr", addresses, "addresses") }
    })
}

/// Sets the instance name, as rmq_config_set of "instance.name".
///
/// @param config  must not be NULL
/// @param name    UTF-8, copied
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_instance_name(
    config: *mut rmq_config,
    name: *const c_char,
) -> rmq_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_config_set_instance_name", || unsafe { set_text(config, "instance.name", name, "name") })
}

/// Sets the credentials, as rmq_config_set of "access.key", "secret.key" and "security.token". This version answers
/// RMQ_E_UNSUPPORTED unless all are empty.
///
/// @param config          must not be NULL
/// @param access_key      UTF-8, copied
/// @param secret_key      UTF-8, copied
/// @param security_token  UTF-8, copied; may be NULL
/// @returns as rmq_config_set; the text is in rmq_last_error_message. All or none
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_credentials(
    config: *mut rmq_config,
    access_key: *const c_char,
    secret_key: *const c_char,
    security_token: *const c_char,
) -> rmq_code {
    guard::code("rmq_config_set_credentials", || {
        // SAFETY: pointers are NULL or as documented above.
        let (config, values) = unsafe {
            let config = handle::borrow_mut(config, "config")?;
            let token = handle::text_or(security_token, "security_token")?.unwrap_or_default();
            (
                config,
                [handle::text(access_key, "access_key")?, handle::text(secret_key, "secret_key")?, token],
            )
        };
        let mut changed = config.config.clone();
        for (key, value) in ["access.key", "secret.key", "security.token"].into_iter().zip(values) {
            changed.set(key, value)?;
        }
        config.config = changed;
        Ok(())
    })
}

/// Sets the message model, as rmq_config_set of "message.model".
///
/// @param config  must not be NULL
/// @param model   RMQ_MESSAGE_MODEL_CLUSTERING or RMQ_MESSAGE_MODEL_BROADCASTING
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_message_model(config: *mut rmq_config, model: i32) -> rmq_code {
    guard::code("rmq_config_set_message_model", || {
        let word = match model {
            RMQ_MESSAGE_MODEL_CLUSTERING => "clustering",
            RMQ_MESSAGE_MODEL_BROADCASTING => "broadcasting",
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("model is {model}: allowed is 1 or 2"),
                ));
            }
        };
        // SAFETY: NULL or a live configuration, as the documentation asks.
        unsafe { handle::borrow_mut(config, "config") }?.config.set("message.model", word)
    })
}

/// Sets how many callbacks may run at the same time, as rmq_config_set of "consume.thread.max".
///
/// @param config   must not be NULL
/// @param threads  1 to 1000
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_consume_threads(config: *mut rmq_config, threads: i32) -> rmq_code {
    // SAFETY: NULL or a live configuration, as the documentation asks.
    guard::code("rmq_config_set_consume_threads", || unsafe {
        set_number(config, "consume.thread.max", threads)
    })
}

/// Sets how many messages one callback gets at most, as rmq_config_set of "consume.batch.size".
///
/// @param config    must not be NULL
/// @param messages  1 to 1024
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_batch_size(config: *mut rmq_config, messages: i32) -> rmq_code {
    // SAFETY: NULL or a live configuration, as the documentation asks.
    guard::code("rmq_config_set_batch_size", || unsafe { set_number(config, "consume.batch.size", messages) })
}

/// Sets how often a message is delivered again before it goes to the dead letters, as rmq_config_set of
/// "reconsume.max".
///
/// @param config  must not be NULL
/// @param times   0 or more; -1 is 16, as in Java
/// @returns as rmq_config_set; the text is in rmq_last_error_message
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_max_reconsume_times(config: *mut rmq_config, times: i32) -> rmq_code {
    // SAFETY: NULL or a live configuration, as the documentation asks.
    guard::code("rmq_config_set_max_reconsume_times", || unsafe {
        set_number(config, "reconsume.max", times)
    })
}

/// Sets where log records of the consumers go that are made from this configuration; "log.level" says which. Without a
/// callback nothing is logged anywhere. With "log.queue" records are events, and the callback gets none.
///
/// @param config         must not be NULL
/// @param callback       see rmq_log_cb; NULL for none
/// @param userdata       passed back to the callback; may be NULL
/// @param free_userdata  frees userdata; may be NULL
/// @returns RMQ_OK; RMQ_E_INVALID_ARG if config is NULL. On failure userdata stays the caller's
/// @par Thread-safety  one thread at a time for one configuration, may be called from a message callback
/// @par Ownership      userdata is taken over. It is freed once: when the callback is replaced, the configuration and
///                     its copies are destroyed and the last consumer made from them is, whichever comes last, on the
///                     thread that does it
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_config_set_log_callback(
    config: *mut rmq_config,
    callback: rmq_log_cb,
    userdata: *mut c_void,
    free_userdata: rmq_free_cb,
) -> rmq_code {
    guard::code("rmq_config_set_log_callback", || {
        // SAFETY: NULL or a live configuration, as the documentation asks.
        let config = unsafe { handle::borrow_mut(config, "config") }?;
        config.log = Some(LogSink::new(callback, userdata, free_userdata));
        Ok(())
    })
}

/// # Safety
/// `config` is NULL or a live configuration of one thread, `value` NULL or a text.
unsafe fn set_text(config: *mut rmq_config, key: &str, value: *const c_char, name: &str) -> Result<()> {
    // SAFETY: as this function's own.
    unsafe { handle::borrow_mut(config, "config")?.config.set(key, handle::text(value, name)?) }
}

/// # Safety
/// `config` is NULL or a live configuration of one thread.
unsafe fn set_number(config: *mut rmq_config, key: &str, value: i32) -> Result<()> {
    // SAFETY: as this function's own.
    unsafe { handle::borrow_mut(config, "config") }?.config.set(key, &value.to_string())
}
