//! The way out, in an order that loses and repeats nothing.

use std::sync::Arc;

use futures_util::future::join_all;

use super::engine::Engine;
use crate::cluster::command::UnregisterClient;
use crate::runtime::Tasks;

/// The numbered order of a stop; the caller's deadline bounds the wait for it, not the work itself.
pub(super) async fn leave(engine: Arc<Engine>, connections: Tasks) {
    // 1 to 6: the coordinator stops the pulls, waits for callbacks, commits and unlocks; no heartbeat is
    // under way once the tasks have ended.
    engine.direct.close();
    engine.tasks.stop();
    engine.tasks.join().await;
    engine.workers.close();
    engine.store.close(&engine.status).await;
    // 7: after the last commit, so that whoever takes over goes on from it.
    engine.heartbeat.fall_silent();
    unregister(&engine).await;
    // 8
    engine.cluster.close();
    connections.join().await;
    // A callback that outran its timeout holds nothing any more, but its thread has to end all the same.
    engine.workers.ended().await;
    engine.direct.ended().await;
}

/// Tells every broker we are connected to, so that the others take over at once.
async fn unregister(engine: &Engine) {
    if engine.subscriptions.is_assigned() {
        // It never was a member.
        return;
    }
    let addresses = engine.cluster.routes().all_addresses();
    let connected = addresses.iter().filter(|address| engine.cluster.established(address).is_some());
    let told = connected.map(|address| async {
        let request = UnregisterClient {
            client_id: engine.client_id.to_string(),
            consumer_group: Some(engine.config.group.clone()),
            ..UnregisterClient::default()
        };
        if let Err(error) = engine.cluster.call(address, &request).await {
            engine.log.warn("leaving", error);
        }
    });
    join_all(told).await;
}
