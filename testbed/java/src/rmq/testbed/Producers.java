package rmq.testbed;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/** The Java producers of this process; kept once made, because shutting one down takes seconds. */
final class Producers {
    static final String USAGE = "send TOPIC COUNT ns= [from=0] [key=PREFIX|none] [tags=A,B] [body=TEXT] [hex=BYTES] [size=BYTES] "
        + "[stamp=true] [u.NAME=VALUE]... [queue=N|any] [delay=LEVEL] [delayMs=] [deliver=MILLIS] [tx=commit|rollback|check|refuse|tag] "
        + "[batch=N] [auto=true gathers batches by tag] [threads=N] [rate=PER_SECOND] [id=ID] [compress=zlib|lz4|zstd over=100] [nsv1= nsv2=NAMESPACE] [group=] [ak= sk=] [tls=]: "
        + "stores messages; answers `stored=N failed=N millis=N first_error=TEXT`";

    private final Map<String, DefaultMQProducer> producers = new ConcurrentHashMap<>();
    private final Map<String, SendJob> running = new ConcurrentHashMap<>();

    String send(Words words) throws Exception {
        SendJob job = new SendJob(producer(words), words);
        String id = words.text("id", job.toString());
        running.put(id, job);
        try {
            return job.run();
        } finally {
            running.remove(id, job);
        }
    }

    String halt(Words words) {
        SendJob job = running.get(words.at(1, "id"));
        if (job != null) {
            job.halt();
        }
        return job != null ? "halting" : "not running";
    }

    private DefaultMQProducer producer(Words words) {
        String traits = String.join(" ", List.of(words.need("ns"), words.text("group", ""), words.text("compress", ""),
            words.text("over", ""), words.text("nsv1", ""), words.text("nsv2", ""), words.text("auto", ""),
            words.text("tx", ""), words.text("ak", ""), words.text("sk", ""), words.text("tls", "")));
        return producers.computeIfAbsent(traits, key -> start(words));
    }

    private static DefaultMQProducer start(Words words) {
        String group = words.text("group", "driver-producer");
        DefaultMQProducer producer;
        if (words.has("tx")) {
            TransactionMQProducer transactional = new TransactionMQProducer(group + "-tx-" + words.need("tx"),
                Credentials.of(words));
            transactional.setTransactionListener(new Decision(words.need("tx")));
            producer = transactional;
        } else {
            producer = new DefaultMQProducer(group, Credentials.of(words));
        }
        Clients.quick(producer, words);
        if (words.has("compress")) {
            producer.setCompressType(CompressionType.of(words.need("compress").toUpperCase()));
            producer.setCompressMsgBodyOverHowmuch(words.whole("over", 100));
        }
        if (words.flag("auto", false)) {
            producer.setAutoBatch(true);
            producer.batchMaxDelayMs(50);
        }
        try {
            producer.start();
        } catch (Exception e) {
            throw new IllegalStateException("the producer does not start", e);
        }
        return producer;
    }

    /**
     * Decides every transaction alike, or each by its tag: {@code check} leaves it open and commits when the broker asks,
     * {@code refuse} rolls it back then.
     */
    private static final class Decision implements TransactionListener {
        private final String decision;

        Decision(String decision) {
            this.decision = decision;
        }

        @Override
        public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
            switch (of(message)) {
                case "commit": return LocalTransactionState.COMMIT_MESSAGE;
                case "rollback": return LocalTransactionState.ROLLBACK_MESSAGE;
                default: return LocalTransactionState.UNKNOW;
            }
        }

        @Override
        public LocalTransactionState checkLocalTransaction(MessageExt message) {
            return of(message).equals("refuse") ? LocalTransactionState.ROLLBACK_MESSAGE
                : LocalTransactionState.COMMIT_MESSAGE;
        }

        private String of(Message message) {
            return decision.equals("tag") ? message.getTags() : decision;
        }
    }
}
