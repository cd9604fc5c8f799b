//! A scripted RocketMQ cluster for tests.
