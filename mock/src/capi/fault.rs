//! What goes wrong.

use std::ffi::c_char;
use std::time::Duration;

use rmq::Result;
use rmq::capi::{guard, handle};
use rmq::protocol::ResponseCode;

use super::cluster::{on, refused, rmq_mock_cluster};
use super::error::rmq_mock_code;
use super::which::Which;
use crate::fault::Fault;
use crate::script::On;

/// As a server: the name server and every broker.
pub const RMQ_MOCK_ANYWHERE: i32 = -1;
/// As a server: the name server.
pub const RMQ_MOCK_NAMESRV: i32 = -2;
/// As a number of times: until rmq_mock_behave.
pub const RMQ_MOCK_ALWAYS: i32 = -1;

/// A consumer asks for messages. Fields: consumerGroup, topic, queueId, queueOffset, maxMsgNums.
pub const RMQ_MOCK_PULL_MESSAGE: i32 = 11;
/// A consumer asks where its group is. Fields: consumerGroup, topic, queueId.
pub const RMQ_MOCK_QUERY_CONSUMER_OFFSET: i32 = 14;
/// A consumer commits. Fields: consumerGroup, topic, queueId, commitOffset.
pub const RMQ_MOCK_UPDATE_CONSUMER_OFFSET: i32 = 15;
/// A consumer asks for the offset of a point in time. Fields: topic, queueId, timestamp.
pub const RMQ_MOCK_SEARCH_OFFSET_BY_TIMESTAMP: i32 = 29;
/// A consumer asks for the offset behind the last message. Fields: topic, queueId.
pub const RMQ_MOCK_GET_MAX_OFFSET: i32 = 30;
/// A consumer asks for the offset of the first message. Fields: topic, queueId.
pub const RMQ_MOCK_GET_MIN_OFFSET: i32 = 31;
/// A consumer says that it lives and what it subscribes to. What it says is in the body.
pub const RMQ_MOCK_HEART_BEAT: i32 = 34;
/// A consumer leaves its group. Fields: clientID, consumerGroup.
pub const RMQ_MOCK_UNREGISTER_CLIENT: i32 = 35;
/// A consumer sends a message back, to get it again later. Fields: group, originTopic, offset, delayLevel.
pub const RMQ_MOCK_CONSUMER_SEND_MSG_BACK: i32 = 36;
/// A consumer asks who is in its group. Fields: consumerGroup.
pub const RMQ_MOCK_GET_CONSUMER_LIST_BY_GROUP: i32 = 38;
/// A consumer locks queues. What it says is in the body.
pub const RMQ_MOCK_LOCK_BATCH_MQ: i32 = 41;
/// A consumer unlocks queues. What it says is in the body.
pub const RMQ_MOCK_UNLOCK_BATCH_MQ: i32 = 42;
/// A consumer asks whether the broker takes its SQL92 condition. What it says is in the body.
pub const RMQ_MOCK_CHECK_CLIENT_CONFIG: i32 = 46;
/// A consumer asks the name server which brokers have a topic. Fields: topic.
pub const RMQ_MOCK_GET_ROUTEINFO_BY_TOPIC: i32 = 105;
/// A consumer stores a message in a retry topic itself, when sending it back failed. Fields have names of one letter:
/// b is the topic, e the queue id.
pub const RMQ_MOCK_SEND_MESSAGE_V2: i32 = 310;

/// Refused, without any effect; number is the response code, such as 1 SYSTEM_ERROR, 2 SYSTEM_BUSY, 16 NO_PERMISSION,
/// 17 TOPIC_NOT_EXIST, and text the remark.
pub const RMQ_MOCK_FAULT_REFUSE: i32 = 1;
/// Served later; number is by how many milliseconds.
pub const RMQ_MOCK_FAULT_DELAY: i32 = 2;
/// The connection ends; the request has no effect.
pub const RMQ_MOCK_FAULT_DISCONNECT: i32 = 3;
/// Never answered, without any effect; the connection stays.
pub const RMQ_MOCK_FAULT_SILENCE: i32 = 4;
/// Served, but the connection ends instead of the answer.
pub const RMQ_MOCK_FAULT_LOSE_ANSWER: i32 = 5;
/// Served; the answer breaks off in the middle and the connection ends.
pub const RMQ_MOCK_FAULT_HALF_FRAME: i32 = 6;
/// Served; bytes that are no frame come instead of the answer.
pub const RMQ_MOCK_FAULT_GARBAGE: i32 = 7;
/// Served; a length larger than any frame comes instead of the answer.
pub const RMQ_MOCK_FAULT_OVERSIZED: i32 = 8;
/// Served; the answer names a request that nobody made.
pub const RMQ_MOCK_FAULT_WRONG_OPAQUE: i32 = 9;
/// Served; only the first bytes of the answer's body come, number says how many.
pub const RMQ_MOCK_FAULT_CUT_BODY: i32 = 10;
/// Served; one message of a pull's answer arrives damaged, number says which one, from 0; without so many none.
pub const RMQ_MOCK_FAULT_CORRUPT_RECORD: i32 = 11;

/// Scripts what befalls the next requests of a kind. Faults are first in, first out: a request meets the oldest one that
/// fits and is not spent. One that keeps requests until they are let go is rmq_mock_hold_new.
///
/// @param cluster       must not be NULL
/// @param request_code  which requests: RMQ_MOCK_PULL_MESSAGE and the like, or any number of RocketMQ's
/// @param server        who is asked: the number of a broker, RMQ_MOCK_NAMESRV or RMQ_MOCK_ANYWHERE
/// @param filter        only requests whose header has these fields: "topic=Orders&queueId=0"; names and values are
///                      compared as they are; NULL or empty for all
/// @param times         how many requests, from 1 on, or RMQ_MOCK_ALWAYS
/// @param kind          RMQ_MOCK_FAULT_...
/// @param number        as the kind says, at least 0; 0 for the others
/// @param text          as the kind says; NULL is an empty one
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_fault(
    cluster: *mut rmq_mock_cluster,
    request_code: i32,
    server: i32,
    filter: *const c_char,
    times: i32,
    kind: i32,
    number: i32,
    text: *const c_char,
) -> rmq_mock_code {
    // SAFETY: pointers are NULL or as documented above.
    guard::code("rmq_mock_fault", || unsafe {
        on(cluster, |cluster| {
            let which = Which::read(cluster, request_code, server, filter)?;
            let text = handle::text_or(text, "text")?.unwrap_or_default();
            let fault = fault(kind, number, text)?;
            script(which.on(cluster), times, fault)
        })
    })
}

/// Forgets all faults that have not happened. What is held or delayed already stays so.
///
/// @param cluster  must not be NULL
/// @returns RMQ_MOCK_OK; RMQ_MOCK_E_INVALID_ARG, RMQ_MOCK_E_FORKED
/// @par Thread-safety  any thread
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rmq_mock_behave(cluster: *mut rmq_mock_cluster) -> rmq_mock_code {
    // SAFETY: cluster is NULL or as documented.
    guard::code("rmq_mock_behave", || unsafe {
        on(cluster, |cluster| {
            cluster.mock.behave();
            Ok(())
        })
    })
}

/// Lets a fault happen so often.
pub(super) fn script(which: On, times: i32, fault: Fault) -> Result<()> {
    match usize::try_from(times) {
        Ok(count) if count > 0 => which.times(count, fault),
        Err(_) if times == RMQ_MOCK_ALWAYS => which.always(fault),
        _ => return Err(refused(format!("times is {times}; it is 1 or more, or -1 for always"))),
    }
    Ok(())
}

fn fault(kind: i32, number: i32, text: &str) -> Result<Fault> {
    let takes_number = matches!(
        kind,
        RMQ_MOCK_FAULT_REFUSE
            | RMQ_MOCK_FAULT_DELAY
            | RMQ_MOCK_FAULT_CUT_BODY
            | RMQ_MOCK_FAULT_CORRUPT_RECORD
    );
    if !(RMQ_MOCK_FAULT_REFUSE..=RMQ_MOCK_FAULT_CORRUPT_RECORD).contains(&kind) {
        return Err(refused(format!("kind is {kind}; it is one of RMQ_MOCK_FAULT_..., 1 to 11")));
    }
    let amount = match u32::try_from(number) {
        Ok(amount) if takes_number || amount == 0 => amount,
        _ => {
            let rule = if takes_number { "it is 0 or more" } else { "it is 0 for this kind" };
            return Err(refused(format!("number is {number}; {rule}")));
        }
    };
    Ok(match kind {
        RMQ_MOCK_FAULT_REFUSE if number == 0 => {
            return Err(refused("number is 0; a response code of 0 is success".to_owned()));
        }
        RMQ_MOCK_FAULT_REFUSE => Fault::refuse(ResponseCode::from(number), text),
        RMQ_MOCK_FAULT_DELAY => Fault::delay(Duration::from_millis(amount.into())),
        RMQ_MOCK_FAULT_DISCONNECT => Fault::disconnect(),
        RMQ_MOCK_FAULT_SILENCE => Fault::silence(),
        RMQ_MOCK_FAULT_LOSE_ANSWER => Fault::lose_answer(),
        RMQ_MOCK_FAULT_HALF_FRAME => Fault::half_frame(),
        RMQ_MOCK_FAULT_GARBAGE => Fault::garbage(),
        RMQ_MOCK_FAULT_OVERSIZED => Fault::oversized(),
        RMQ_MOCK_FAULT_WRONG_OPAQUE => Fault::wrong_opaque(),
        RMQ_MOCK_FAULT_CUT_BODY => Fault::edit_body(move |body| {
            body.truncate(usize::try_from(amount).unwrap_or(usize::MAX));
        }),
        _ => Fault::corrupt_record(usize::try_from(amount).unwrap_or(usize::MAX)),
    })
}
