package rmq.testbed;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.heartbeat.MessageModel;

/** One Java push consumer and the log of its deliveries. */
final class PushPeer {
    private final DefaultMQPushConsumer consumer;
    private final List<Delivery> deliveries = new ArrayList<>();
    private final AtomicLong count = new AtomicLong();
    /** Deliveries kept for {@code received}; more are only counted. */
    private final int keep;
    /** Every message fails this many deliveries before it succeeds. */
    private final int failing;
    private final long sleep;

    PushPeer(Words words) throws Exception {
        keep = words.whole("keep", 100_000);
        failing = words.whole("fail", 0);
        sleep = words.number("sleep", 0);
        consumer = new DefaultMQPushConsumer(words.need("group"), Clients.credentials(words),
            Strategies.of(words), words.flag("trace", false), null);
        Clients.quick(consumer, words);
        if (words.has("ip")) {
            consumer.setClientIP(words.need("ip"));
        }
        consumer.setClientRebalance(!words.flag("pop", false));
        consumer.setMessageModel(MessageModel.valueOf(words.text("model", "clustering").toUpperCase()));
        consumer.setConsumeFromWhere(words.text("from", "first").equals("last")
            ? ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET : ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setMaxReconsumeTimes(words.whole("max", -1));
        consumer.setConsumeMessageBatchMaxSize(words.whole("batch", 1));
        if (words.has("threads")) {
            consumer.setConsumeThreadMin(words.whole("threads", 1));
            consumer.setConsumeThreadMax(words.whole("threads", 1));
        }
        for (String topic : words.need("topic").split(",")) {
            if (words.has("sql")) {
                consumer.subscribe(topic, MessageSelector.bySql(words.need("sql")));
            } else {
                consumer.subscribe(topic, words.text("tag", "*"));
            }
        }
        if (words.flag("orderly", false)) {
            consumer.setMessageListener((MessageListenerOrderly) (messages, context) ->
                consume(messages) ? ConsumeOrderlyStatus.SUCCESS : ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT);
        } else {
            consumer.setMessageListener((MessageListenerConcurrently) (messages, context) ->
                consume(messages) ? ConsumeConcurrentlyStatus.CONSUME_SUCCESS : ConsumeConcurrentlyStatus.RECONSUME_LATER);
        }
    }

    /** Starts it; answers its client id. */
    String start() throws Exception {
        consumer.start();
        return consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getClientId();
    }

    void stop() {
        consumer.shutdown();
    }

    Set<MessageQueue> queues() {
        return consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet();
    }

    long count() {
        return count.get();
    }

    List<Delivery> deliveries() {
        synchronized (deliveries) {
            return new ArrayList<>(deliveries);
        }
    }

    private boolean consume(List<MessageExt> messages) {
        boolean success = true;
        for (MessageExt message : messages) {
            synchronized (deliveries) {
                if (deliveries.size() < keep) {
                    deliveries.add(new Delivery(message));
                }
            }
            count.incrementAndGet();
            success &= message.getReconsumeTimes() >= failing;
        }
        return pause() && success;
    }

    private boolean pause() {
        if (sleep == 0) {
            return true;
        }
        try {
            Thread.sleep(sleep);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
