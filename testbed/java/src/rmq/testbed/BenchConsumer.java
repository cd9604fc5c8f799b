package rmq.testbed;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * The Java peer of the benches: a push consumer with the client's defaults that counts messages, measures how long they
 * took to arrive, or writes down what came. See testbed/src/peers.rs for its options and its answer.
 */
public final class BenchConsumer {
    public static void main(String[] args) throws Exception {
        Words words = Words.parse(String.join(" ", args));
        BenchMeter meter = switch (words.text("mode", "throughput")) {
            case "latency" -> new BenchMeter.Latency(words.whole("count", 1), words.whole("warmup", 0));
            case "deliveries" -> new BenchMeter.Deliveries(words.number("sleep_us", 0));
            default -> new BenchMeter.Throughput(words.number("count", 1));
        };
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(words.need("group"));
        consumer.setNamesrvAddr(words.need("ns"));
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.subscribe(words.need("topic"), "*");
        consumer.setMessageListener((MessageListenerConcurrently) (messages, context) -> {
            for (MessageExt message : messages) {
                meter.note(message);
            }
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        meter.begin();
        if (meter instanceof BenchMeter.Deliveries) {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                consumer.shutdown();
                // A JVM that ends by a signal would say 143.
                Runtime.getRuntime().halt(0);
            }));
        }
        consumer.start();
        if (meter instanceof BenchMeter.Deliveries) {
            meter.done.await();
        }
        boolean complete = meter.done.await(words.number("within", 120), TimeUnit.SECONDS);
        report(meter);
        // Not an orderly end: the Java client's shutdown takes seconds.
        Runtime.getRuntime().halt(complete ? 0 : 1);
    }

    private static void report(BenchMeter meter) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("client", "\"java-5.5.0\"");
        meter.result(result);
        result.put("cpu_nanos",
            ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime());
        result.put("peak_rss_kib", peakRss());
        System.out.println(result.entrySet().stream()
            .map(entry -> "\"" + entry.getKey() + "\":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}")));
        System.out.flush();
    }

    private static long peakRss() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return 0;
    }

    private BenchConsumer() {
    }
}
