package rmq.testbed;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.rocketmq.common.message.MessageExt;

/** Is told of every message, from many threads. */
abstract class BenchMeter {
    /** Opens when the last expected message came. */
    final CountDownLatch done = new CountDownLatch(1);

    void begin() {
    }

    abstract void note(MessageExt message);

    abstract void result(Map<String, Object> result);

    /** Counts; it costs one atomic addition a message. */
    static final class Throughput extends BenchMeter {
        private final long expected;
        private final AtomicLong count = new AtomicLong();
        private long started;
        private volatile long first;
        private volatile long last;

        Throughput(long expected) {
            this.expected = expected;
        }

        @Override
        void begin() {
            started = System.nanoTime();
        }

        @Override
        void note(MessageExt message) {
            long n = count.incrementAndGet();
            if (n == 1) {
                first = System.nanoTime();
            }
            if (n == expected) {
                last = System.nanoTime();
                done.countDown();
            }
        }

        @Override
        void result(Map<String, Object> result) {
            result.put("messages", count.get());
            result.put("start_to_first_nanos", first == 0 ? 0 : first - started);
            result.put("first_to_last_nanos", last == 0 ? 0 : Math.max(0, last - first));
        }
    }

    /** Compares each message's stamp with the clock. */
    static final class Latency extends BenchMeter {
        private final long[] nanos;
        private final int warmup;
        private int count;
        private int warm;

        Latency(int expected, int warmup) {
            nanos = new long[expected];
            this.warmup = warmup;
        }

        @Override
        void note(MessageExt message) {
            long now = Clock.epochNanos();
            long stamp = stamp(message.getBody());
            synchronized (this) {
                if (stamp < 0) {
                    warm++;
                    if (warm == warmup) {
                        System.out.println("ready");
                    }
                } else if (count < nanos.length) {
                    nanos[count++] = now - stamp;
                    if (count == nanos.length) {
                        done.countDown();
                    }
                }
            }
        }

        @Override
        synchronized void result(Map<String, Object> result) {
            Arrays.sort(nanos, 0, count);
            result.put("messages", count);
            result.put("p50_us", micros(50));
            result.put("p99_us", micros(99));
            result.put("max_us", micros(100));
        }

        private long micros(int percent) {
            return count == 0 ? 0 : nanos[(int) ((count - 1L) * percent / 100)] / 1000;
        }

        /** The number before the first blank, or -1. */
        private static long stamp(byte[] body) {
            String head = new String(body, 0, Math.min(body.length, 24), StandardCharsets.US_ASCII).split(" ", 2)[0];
            try {
                return Long.parseLong(head);
            } catch (NumberFormatException e) {
                return -1;
            }
        }
    }
    /** Writes a line for each delivery, at once: what a killed process was given counts. */
    static final class Deliveries extends BenchMeter {
        /** Not System.out, which has a lock and a buffer. */
        private final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        private final long sleepMicros;

        Deliveries(long sleepMicros) {
            this.sleepMicros = sleepMicros;
        }

        @Override
        void note(MessageExt message) {
            String line = message.getQueueId() + " " + message.getQueueOffset() + " " + message.getStoreTimestamp() + " "
                + Clock.epochNanos() + "\n";
            try {
                out.write(line.getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            long end = System.nanoTime() + sleepMicros * 1000;
            for (long left = sleepMicros * 1000; left > 0; left = end - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
        }

        @Override
        void result(Map<String, Object> result) {
        }
    }
}
