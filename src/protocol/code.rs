//! Request and response codes, each in one table; a number nobody knows stays what it is.

/// Declares a code enum from its table, with `Unknown` for every other number.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* #[doc = concat!($text, " (", stringify!($number), ")")] $variant,)*
            /// A number this library has no name for.
            Unknown(i32),
        }

        impl From<i32> for $name {
            fn from(number: i32) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }
        }

        impl From<$name> for i32 {
            fn from(code: $name) -> i32 {
                match code {
                    $($name::$variant => $number,)*
                    $name::Unknown(number) => number,
                }
            }
        }

        impl $name {
            /// Every code with a name, in the order of the table.
            pub const KNOWN: &'static [$name] = &[$($name::$variant),*];

            /// Java's constant name; UNKNOWN for a number without one.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(_) => "UNKNOWN",
                }
            }
        }
    };
}

codes! {
    /// What a command asks for: Java's `RequestCode`, as far as a consumer meets it.
    RequestCode {
        SendMessage = 10 "SEND_MESSAGE",
        PullMessage = 11 "PULL_MESSAGE",
        QueryConsumerOffset = 14 "QUERY_CONSUMER_OFFSET",
        UpdateConsumerOffset = 15 "UPDATE_CONSUMER_OFFSET",
        UpdateAndCreateTopic = 17 "UPDATE_AND_CREATE_TOPIC",
        SearchOffsetByTimestamp = 29 "SEARCH_OFFSET_BY_TIMESTAMP",
        GetMaxOffset = 30 "GET_MAX_OFFSET",
        GetMinOffset = 31 "GET_MIN_OFFSET",
        HeartBeat = 34 "HEART_BEAT",
        UnregisterClient = 35 "UNREGISTER_CLIENT",
        ConsumerSendMsgBack = 36 "CONSUMER_SEND_MSG_BACK",
        GetConsumerListByGroup = 38 "GET_CONSUMER_LIST_BY_GROUP",
        CheckTransactionState = 39 "CHECK_TRANSACTION_STATE",
        NotifyConsumerIdsChanged = 40 "NOTIFY_CONSUMER_IDS_CHANGED",
        LockBatchMq = 41 "LOCK_BATCH_MQ",
        UnlockBatchMq = 42 "UNLOCK_BATCH_MQ",
        CheckClientConfig = 46 "CHECK_CLIENT_CONFIG",
        GetRouteInfoByTopic = 105 "GET_ROUTEINFO_BY_TOPIC",
        GetConsumerConnectionList = 203 "GET_CONSUMER_CONNECTION_LIST",
        GetAllTopicListFromNameServer = 206 "GET_ALL_TOPIC_LIST_FROM_NAMESERVER",
        ResetConsumerClientOffset = 220 "RESET_CONSUMER_CLIENT_OFFSET",
        GetConsumerStatusFromClient = 221 "GET_CONSUMER_STATUS_FROM_CLIENT",
        GetSystemTopicListFromNameServer = 304 "GET_SYSTEM_TOPIC_LIST_FROM_NS",
        GetConsumerRunningInfo = 307 "GET_CONSUMER_RUNNING_INFO",
        ConsumeMessageDirectly = 309 "CONSUME_MESSAGE_DIRECTLY",
        SendMessageV2 = 310 "SEND_MESSAGE_V2",
    }
}

impl RequestCode {
    /// True for a request that its receiver may hold until there is something to answer.
    pub fn may_be_held(self) -> bool {
        self == RequestCode::PullMessage
    }
}

codes! {
    /// How it ended: Java's `ResponseCode` and `RemotingSysResponseCode`.
    ResponseCode {
        Success = 0 "SUCCESS",
        SystemError = 1 "SYSTEM_ERROR",
        SystemBusy = 2 "SYSTEM_BUSY",
        RequestCodeNotSupported = 3 "REQUEST_CODE_NOT_SUPPORTED",
        FlushDiskTimeout = 10 "FLUSH_DISK_TIMEOUT",
        SlaveNotAvailable = 11 "SLAVE_NOT_AVAILABLE",
        FlushSlaveTimeout = 12 "FLUSH_SLAVE_TIMEOUT",
        MessageIllegal = 13 "MESSAGE_ILLEGAL",
        ServiceNotAvailable = 14 "SERVICE_NOT_AVAILABLE",
        VersionNotSupported = 15 "VERSION_NOT_SUPPORTED",
        NoPermission = 16 "NO_PERMISSION",
        TopicNotExist = 17 "TOPIC_NOT_EXIST",
        TopicExistAlready = 18 "TOPIC_EXIST_ALREADY",
        PullNotFound = 19 "PULL_NOT_FOUND",
        PullRetryImmediately = 20 "PULL_RETRY_IMMEDIATELY",
        PullOffsetMoved = 21 "PULL_OFFSET_MOVED",
        QueryNotFound = 22 "QUERY_NOT_FOUND",
        SubscriptionParseFailed = 23 "SUBSCRIPTION_PARSE_FAILED",
        SubscriptionNotExist = 24 "SUBSCRIPTION_NOT_EXIST",
        SubscriptionNotLatest = 25 "SUBSCRIPTION_NOT_LATEST",
        SubscriptionGroupNotExist = 26 "SUBSCRIPTION_GROUP_NOT_EXIST",
        FilterDataNotExist = 27 "FILTER_DATA_NOT_EXIST",
        FilterDataNotLatest = 28 "FILTER_DATA_NOT_LATEST",
        InvalidParameter = 29 "INVALID_PARAMETER",
        ConsumerNotOnline = 206 "CONSUMER_NOT_ONLINE",
        ConsumeMsgTimeout = 207 "CONSUME_MSG_TIMEOUT",
        NoMessage = 208 "NO_MESSAGE",
        PollingFull = 209 "POLLING_FULL",
        PollingTimeout = 210 "POLLING_TIMEOUT",
        BrokerNotExist = 211 "BROKER_NOT_EXIST",
        BroadcastConsumption = 213 "BROADCAST_CONSUMPTION",
        FlowControl = 215 "FLOW_CONTROL",
        NotLeaderForQueue = 501 "NOT_LEADER_FOR_QUEUE",
        IllegalOperation = 604 "ILLEGAL_OPERATION",
        GoAway = 1500 "GO_AWAY",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_map_both_ways() {
        for code in RequestCode::KNOWN {
            assert_eq!(RequestCode::from(i32::from(*code)), *code);
        }
        for code in ResponseCode::KNOWN {
            assert_eq!(ResponseCode::from(i32::from(*code)), *code);
        }
        assert_eq!(ResponseCode::from(4711), ResponseCode::Unknown(4711));
        assert_eq!(i32::from(ResponseCode::Unknown(4711)), 4711);
        assert_eq!(ResponseCode::Unknown(4711).name(), "UNKNOWN");
    }
}
