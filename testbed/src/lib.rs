//! Real RocketMQ brokers and a Java peer for tests.
