//! Clusters that want credentials.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rmq_testbed::{Cluster, Version};
use std::time::Duration;

/// The whole of the test bed works with a cluster that refuses strangers; 4.9.7 needs a file, so 5.5.0 stands for both.
#[test]
fn a_cluster_with_acl_is_served() {
    const LOCAL: &str = "org.apache.rocketmq.auth";
    let cluster = Cluster::builder(Version::V5_5_0)
        .access("ak=rocketmq sk=12345678")
        .broker_property("authenticationEnabled", "true")
        .broker_property("authorizationEnabled", "true")
        .broker_property("initAuthenticationUser", r#"{"username":"rocketmq","password":"12345678"}"#)
        .broker_property(
            "innerClientAuthenticationCredentials",
            r#"{"accessKey":"rocketmq","secretKey":"12345678"}"#,
        )
        .broker_property(
            "authenticationMetadataProvider",
            &format!("{LOCAL}.authentication.provider.LocalAuthenticationMetadataProvider"),
        )
        .broker_property(
            "authorizationMetadataProvider",
            &format!("{LOCAL}.authorization.provider.LocalAuthorizationMetadataProvider"),
        )
        .start();
    cluster.create_topic("Secret", 2);
    assert_eq!(cluster.send("Secret", 4).run().stored, 4);
    let consumer = cluster.java_consumer("secret", "Secret").start();
    consumer.wait_for(4, Duration::from_secs(30));
    assert!(cluster.admin("topicStatus -t Secret").contains("broker-a"));
    let stranger = rmq_testbed::request(cluster.broker(), 30, &[("topic", "Secret"), ("queueId", "0")], &[]);
    assert_eq!(stranger.unwrap().code, 16);
}
