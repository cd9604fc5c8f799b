//! Apache RocketMQ consumer.
