package rmq.testbed;

import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.remoting.RPCHook;

/** What every Java client of the driver gets. */
final class Clients {
    private static final AtomicInteger NEXT = new AtomicInteger();

    /** Short intervals: with the defaults (30 s, 30 s) a peer notices a new topic or member half a minute late. */
    static void quick(ClientConfig client, Words words) {
        client.setNamesrvAddr(words.need("ns"));
        client.setInstanceName("peer-" + NEXT.incrementAndGet());
        client.setPollNameServerInterval(words.whole("poll", 1000));
        client.setHeartbeatBrokerInterval(words.whole("heartbeat", 3000));
        client.setPersistConsumerOffsetInterval(words.whole("persist", 1000));
        client.setVipChannelEnabled(false);
        if (words.has("nsv1")) {
            client.setNamespace(words.need("nsv1"));
        }
        if (words.has("nsv2")) {
            namespaceV2(client, words.need("nsv2"));
        }
        client.setUseTLS(words.flag("tls", false));
    }

    /** By name, because this file compiles against 4.9.7 too, whose clients have no such thing. */
    private static void namespaceV2(ClientConfig client, String namespace) {
        try {
            ClientConfig.class.getMethod("setNamespaceV2", String.class).invoke(client, namespace);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Signs requests when {@code ak=} and {@code sk=} are given. */
    static RPCHook credentials(Words words) {
        return words.has("ak") ? new AclClientRPCHook(new SessionCredentials(words.need("ak"), words.need("sk"))) : null;
    }

    private Clients() {
    }
}
