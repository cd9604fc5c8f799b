//! What follows a pull: one arm for each way it can end.

use std::time::Duration;

use crate::cluster::ResponseCode;
use crate::cluster::command::{PullResult, PullStatus};
use crate::error::{Error, ErrorKind};

/// What to do before the next pull of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Pull again at once.
    Pull,
    /// Wait the growing pause of an idle answer first.
    PauseBriefly,
    /// Wait `pull.error.backoff.ms` first.
    PauseAfterError,
    /// Send a heartbeat, then pull again: the broker does not know us or knows us outdated.
    Announce,
    /// Fetch the route anew, then pull again after the growing pause.
    Reroute,
    /// Fetch the route anew and pull again: the connection's own back-off is the pause.
    Reconnect,
    /// The broker moved the queue's offset: drop what was pulled and begin anew where it says.
    Rewind(i64),
}

/// Decides by the outcome of a pull from `asked`.
pub(crate) fn after(outcome: Result<&PullResult, &Error>, asked: i64) -> Then {
    match outcome {
        Ok(result) => after_answer(result, asked),
        Err(error) => after_error(error),
    }
}

/// A slave that has yet to copy what its master had ends before `asked`, and says so by an offset further back
/// (without a move, unless `offsetCheckInSlave` is set). That is no reason to go back: the messages are not gone.
pub(crate) fn mind_the_lag(result: &mut PullResult, asked: i64, from_slave: bool) {
    let next = &mut result.position.next_begin_offset;
    match result.status {
        PullStatus::OffsetMoved if !from_slave => {}
        PullStatus::OffsetMoved if *next < asked => {
            result.status = PullStatus::NoMatchedMessage;
            *next = asked;
        }
        PullStatus::Found | PullStatus::OffsetMoved => {}
        PullStatus::NoNewMessage | PullStatus::NoMatchedMessage => *next = asked.max(*next),
    }
}

fn after_answer(result: &PullResult, asked: i64) -> Then {
    let next = result.position.next_begin_offset;
    match result.status {
        PullStatus::Found | PullStatus::NoNewMessage => Then::Pull,
        // A slave says so when it has nothing new, without holding the request.
        PullStatus::NoMatchedMessage if next <= asked => Then::PauseBriefly,
        PullStatus::NoMatchedMessage => Then::Pull,
        PullStatus::OffsetMoved => Then::Rewind(next),
    }
}

fn after_error(error: &Error) -> Then {
    match error.kind() {
        ErrorKind::Broker(code) => match code {
            ResponseCode::SubscriptionNotExist
            | ResponseCode::SubscriptionNotLatest
            | ResponseCode::FilterDataNotExist
            | ResponseCode::FilterDataNotLatest => Then::Announce,
            ResponseCode::SystemBusy | ResponseCode::FlowControl => Then::PauseBriefly,
            ResponseCode::TopicNotExist | ResponseCode::NotLeaderForQueue => Then::Reroute,
            // Permissions, missing groups and whatever newer brokers say: somebody has to act, so do not hurry.
            _ => Then::PauseAfterError,
        },
        // Where the queue is may have changed with its broker.
        ErrorKind::Connect => Then::Reconnect,
        ErrorKind::Disconnected | ErrorKind::NoRoute => Then::Reroute,
        _ => Then::PauseAfterError,
    }
}

/// The growing pause: from 20 ms, as Java waits after a busy broker, to 1 s.
pub(crate) const BRIEF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::command::PullPosition;
    use bytes::Bytes;

    fn answer(status: PullStatus, next_begin_offset: i64) -> PullResult {
        let position = PullPosition { next_begin_offset, ..PullPosition::default() };
        PullResult { status, position, body: Bytes::new() }
    }

    fn refusal(code: ResponseCode) -> Then {
        after(Err(&Error::broker(code, None, "pull")), 5)
    }

    #[test]
    fn answers_go_on_at_once_unless_nothing_moved() {
        assert_eq!(after(Ok(&answer(PullStatus::Found, 9)), 5), Then::Pull);
        assert_eq!(after(Ok(&answer(PullStatus::NoNewMessage, 5)), 5), Then::Pull);
        assert_eq!(after(Ok(&answer(PullStatus::NoMatchedMessage, 9)), 5), Then::Pull);
        assert_eq!(after(Ok(&answer(PullStatus::NoMatchedMessage, 5)), 5), Then::PauseBriefly);
    }

    #[test]
    fn a_moved_offset_is_followed_forwards_and_backwards() {
        assert_eq!(after(Ok(&answer(PullStatus::OffsetMoved, 9)), 5), Then::Rewind(9));
        assert_eq!(after(Ok(&answer(PullStatus::OffsetMoved, 0)), 5), Then::Rewind(0));
    }

    #[test]
    fn a_slave_that_lags_behind_moves_nothing_back() {
        let minded = |status, next, from_slave| {
            let mut result = answer(status, next);
            mind_the_lag(&mut result, 5, from_slave);
            (result.status, result.position.next_begin_offset)
        };
        use PullStatus::{Found, NoMatchedMessage, OffsetMoved};
        for from_slave in [false, true] {
            assert_eq!(minded(NoMatchedMessage, 3, from_slave), (NoMatchedMessage, 5));
            assert_eq!(minded(NoMatchedMessage, 9, from_slave), (NoMatchedMessage, 9));
            assert_eq!(minded(OffsetMoved, 9, from_slave), (OffsetMoved, 9), "what it has begins later");
            assert_eq!(minded(Found, 3, from_slave), (Found, 3));
        }
        assert_eq!(minded(OffsetMoved, 3, true), (NoMatchedMessage, 5));
        assert_eq!(minded(OffsetMoved, 3, false), (OffsetMoved, 3), "a master's word counts");
    }

    #[test]
    fn refusals_have_their_remedies() {
        assert_eq!(refusal(ResponseCode::SubscriptionNotExist), Then::Announce);
        assert_eq!(refusal(ResponseCode::SubscriptionNotLatest), Then::Announce);
        assert_eq!(refusal(ResponseCode::FilterDataNotExist), Then::Announce);
        assert_eq!(refusal(ResponseCode::FilterDataNotLatest), Then::Announce);
        assert_eq!(refusal(ResponseCode::SystemBusy), Then::PauseBriefly);
        assert_eq!(refusal(ResponseCode::TopicNotExist), Then::Reroute);
        assert_eq!(refusal(ResponseCode::NoPermission), Then::PauseAfterError);
        assert_eq!(refusal(ResponseCode::Unknown(4711)), Then::PauseAfterError);
        assert_eq!(after(Err(&Error::new(ErrorKind::Disconnected, "")), 5), Then::Reroute);
        assert_eq!(after(Err(&Error::new(ErrorKind::Connect, "")), 5), Then::Reconnect);
        assert_eq!(after(Err(&Error::new(ErrorKind::RequestTimeout, "")), 5), Then::PauseAfterError);
    }
}
