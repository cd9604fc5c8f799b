package rmq.testbed;

import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;

/** Broadcasting consumers, which keep their offsets below the home directory. Builds with 4.9.7 too. */
final class BroadcastPeers {
    private final Map<String, DefaultMQPushConsumer> peers = new ConcurrentHashMap<>();
    private final Map<String, List<String>> heard = new ConcurrentHashMap<>();

    LineServer on(LineServer server) {
        return server
            .on("broadcast", "broadcast ID ns= group= topic= ip= instance=: starts a broadcasting consumer, answers its client id",
                this::broadcast)
            .on("heard", "heard ID: deliveries to a broadcasting consumer, `queue offset` a line", this::heard)
            .on("hush", "hush ID: shuts a broadcasting consumer down", this::hush);
    }

    private String broadcast(Words words) throws Exception {
        List<String> lines = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(words.need("group"));
        consumer.setNamesrvAddr(words.need("ns"));
        consumer.setClientIP(words.need("ip"));
        consumer.setInstanceName(words.need("instance"));
        consumer.setVipChannelEnabled(false);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        beBroadcasting(consumer);
        consumer.subscribe(words.need("topic"), "*");
        consumer.setMessageListener((MessageListenerConcurrently) (messages, context) -> {
            messages.forEach(message -> lines.add(message.getQueueId() + " " + message.getQueueOffset()));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        heard.put(words.at(1, "id"), lines);
        peers.put(words.at(1, "id"), consumer);
        consumer.start();
        return consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    /** The enum of the model is in another package since 5.0. */
    private static void beBroadcasting(DefaultMQPushConsumer consumer) throws Exception {
        for (Method method : DefaultMQPushConsumer.class.getMethods()) {
            if (method.getName().equals("setMessageModel")) {
                for (Object model : method.getParameterTypes()[0].getEnumConstants()) {
                    if (model.toString().equals("BROADCASTING")) {
                        method.invoke(consumer, model);
                        return;
                    }
                }
            }
        }
        throw new IllegalStateException("this client has no broadcasting");
    }

    private String heard(Words words) {
        return String.join("\n", heard.getOrDefault(words.at(1, "id"), List.of()));
    }

    private String hush(Words words) {
        DefaultMQPushConsumer consumer = peers.remove(words.at(1, "id"));
        if (consumer != null) {
            consumer.shutdown();
        }
        return "";
    }
}
