package rmq.testbed;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Phaser;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * One {@code send}: messages {@code from} to {@code from + count}, message i being the same whatever the number of threads.
 *
 * <p>Tags rotate with i, queues with i / tags, so every tag reaches every queue. A queue belongs to one thread: its messages are
 * stored in the order of i, also when many threads send.
 */
final class SendJob {
    private final DefaultMQProducer producer;
    private final Words words;
    private final String topic;
    private final int from;
    private final int end;
    private final int batch;
    private final double rate;
    private final String[] tags;
    private final String key;
    private final boolean stamp;
    private final int size;
    private final Map<String, String> userProperties;
    private final AtomicInteger stored = new AtomicInteger();
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicReference<Throwable> firstError = new AtomicReference<>();
    /** One party for each message without an answer, and one for the job. */
    private final Phaser answers = new Phaser(1);
    /** The offset behind what was stored, by queue; empty where answers tell of another queue than the consumers'. */
    private final Map<MessageQueue, Long> ends = new ConcurrentHashMap<>();
    private final boolean direct;
    private volatile boolean halted;
    private List<MessageQueue> queues;

    SendJob(DefaultMQProducer producer, Words words) {
        this.producer = producer;
        this.words = words;
        topic = words.at(1, "topic");
        from = words.whole("from", 0);
        end = Math.addExact(from, words.intAt(2, "count"));
        batch = words.whole("batch", 1);
        rate = words.number("rate", 0);
        tags = words.has("tags") ? words.need("tags").split(",") : new String[] {null};
        key = words.text("key", topic);
        stamp = words.flag("stamp", false);
        size = words.whole("size", 0);
        userProperties = words.withPrefix("u.");
        direct = !(words.has("delay") || words.has("delayMs") || words.has("deliver") || words.has("tx") || producer.getAutoBatch());
    }

    void halt() {
        halted = true;
    }

    String run() throws Exception {
        try {
            queues = targets();
        } catch (MQClientException e) {
            // Nobody serves the topic now, a broker is down perhaps: an outcome to report, like any other failed send.
            failed.set(end - from);
            firstError.set(e);
            queues = List.of();
        }
        // Steady sending is one thread's work; so is everything for one queue.
        int threads = Math.min(rate > 0 ? 1 : words.whole("threads", 1), queues.size());
        long start = System.nanoTime();
        List<Thread> workers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            int mine = t;
            Thread worker = new Thread(() -> work(mine, threads), "send-" + topic + "-" + t);
            worker.setDaemon(true);
            worker.start();
            workers.add(worker);
        }
        for (Thread worker : workers) {
            worker.join();
        }
        answers.arriveAndAwaitAdvance();
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        awaitQueues();
        Throwable error = firstError.get();
        return "stored=" + stored + " failed=" + failed + " millis=" + millis
            + (error == null ? "" : " first_error=" + String.valueOf(error).replace('\n', ' '));
    }

    /** The queues to send to, in order; one {@code null} leaves the choice to the client. */
    private List<MessageQueue> targets() throws MQClientException {
        if (words.text("queue", "").equals("any") || words.has("tx")) {
            return Arrays.asList((MessageQueue) null);
        }
        List<MessageQueue> all = new ArrayList<>(producer.fetchPublishMessageQueues(topic));
        all.sort(null);
        return words.has("queue") ? List.of(all.get(words.whole("queue", 0))) : all;
    }

    /** A broker puts what it stored into its queue a moment after its answer; who asks for the end of a queue must not be earlier. */
    private void awaitQueues() throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        for (Map.Entry<MessageQueue, Long> end : ends.entrySet()) {
            try {
                while (producer.maxOffset(end.getKey()) < end.getValue() && System.nanoTime() < deadline) {
                    Thread.sleep(1);
                }
            } catch (MQClientException e) {
                // The broker is gone, as the test wants it, or does not tell.
                return;
            }
        }
    }

    private void work(int mine, int threads) {
        Map<Integer, List<Message>> waiting = new HashMap<>();
        long start = System.nanoTime();
        for (int i = from; i < end && !halted; i++) {
            int queue = (i / tags.length) % queues.size();
            if (queue % threads != mine) {
                continue;
            }
            if (rate > 0) {
                pauseUntil(start + (long) ((i - from) * 1e9 / rate));
            }
            if (producer.getAutoBatch()) {
                later(message(i), queues.get(queue));
                continue;
            }
            if (batch == 1) {
                store(List.of(message(i)), queues.get(queue));
                continue;
            }
            List<Message> messages = waiting.computeIfAbsent(queue, q -> new ArrayList<>(batch));
            messages.add(message(i));
            if (messages.size() == batch) {
                store(messages, queues.get(queue));
                messages.clear();
            }
        }
        waiting.forEach((queue, messages) -> {
            if (!messages.isEmpty() && !halted) {
                store(messages, queues.get(queue));
            }
        });
    }

    private void store(Collection<Message> messages, MessageQueue queue) {
        try {
            SendResult result;
            if (batch > 1) {
                result = queue == null ? producer.send(messages) : producer.send(messages, queue);
            } else {
                result = one(messages.iterator().next(), queue);
            }
            stored.addAndGet(messages.size());
            if (direct) {
                ends.merge(result.getMessageQueue(), result.getQueueOffset() + messages.size(), Math::max);
            }
        } catch (Throwable t) {
            failed.addAndGet(messages.size());
            firstError.compareAndSet(null, t);
        }
    }

    /** Leaves it to the producer to gather messages of one tag into batches; they are all answered before the job ends. */
    private void later(Message message, MessageQueue queue) {
        answers.register();
        try {
            producer.send(message, queue, new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    stored.incrementAndGet();
                    answers.arriveAndDeregister();
                }

                @Override
                public void onException(Throwable t) {
                    failed.incrementAndGet();
                    firstError.compareAndSet(null, t);
                    answers.arriveAndDeregister();
                }
            });
        } catch (Throwable t) {
            failed.incrementAndGet();
            firstError.compareAndSet(null, t);
            answers.arriveAndDeregister();
        }
    }

    private SendResult one(Message message, MessageQueue queue) throws Exception {
        if (producer instanceof TransactionMQProducer) {
            return producer.sendMessageInTransaction(message, null);
        }
        return queue == null ? producer.send(message) : producer.send(message, queue);
    }

    private Message message(int i) {
        Message message = new Message(topic, body(i));
        String tag = tags[i % tags.length];
        if (tag != null) {
            message.setTags(tag);
        }
        if (!key.equals("none")) {
            message.setKeys(key + "-" + i);
        }
        userProperties.forEach(message::putUserProperty);
        if (words.has("delay")) {
            message.setDelayTimeLevel(words.whole("delay", 0));
        }
        if (words.has("delayMs")) {
            message.setDelayTimeMs(words.number("delayMs", 0));
        }
        if (words.has("deliver")) {
            message.setDeliverTimeMs(words.number("deliver", 0));
        }
        return message;
    }

    /** {@code body=} as it is, {@code hex=} as bytes; else the message's key or the epoch nanoseconds of its making, filled up with dots. */
    private byte[] body(int i) {
        if (words.has("body")) {
            return words.need("body").getBytes(StandardCharsets.UTF_8);
        }
        if (words.has("hex")) {
            return HexFormat.of().parseHex(words.need("hex"));
        }
        String head = stamp ? Clock.epochNanos() + " " : key + "-" + i;
        byte[] text = head.getBytes(StandardCharsets.UTF_8);
        if (text.length >= size) {
            return text;
        }
        byte[] body = Arrays.copyOf(text, size);
        Arrays.fill(body, text.length, size, (byte) '.');
        return body;
    }

    private static void pauseUntil(long nanoTime) {
        for (long left = nanoTime - System.nanoTime(); left > 0; left = nanoTime - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
