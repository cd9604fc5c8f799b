package rmq.testbed;

import java.time.Instant;

/** Wall-clock time that another process on this machine can compare with its own. */
final class Clock {
    static long epochNanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    private Clock() {
    }
}
