package chakong;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** How far the run is: sightings handled by all processors together, hits sent, and the clock since the first sighting. */
final class Progress {
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** A processor's own count, which only its thread writes. */
    static final class Counter {
        private final AtomicLong seen = new AtomicLong();

        long value() {
            return seen.get();
        }

        void add() {
            seen.setRelease(seen.getPlain() + 1);
        }
    }

    final AtomicLong unreadable = new AtomicLong();
    final AtomicLong hits = new AtomicLong();

    private final List<Counter> counters = new CopyOnWriteArrayList<>();
    private long beganNanos;
    private long cpuNanos;

    /** The count of a new processor. */
    Counter counter() {
        Counter counter = new Counter();
        counters.add(counter);
        return counter;
    }

    /** Said before a processor's first sighting; the first of all starts the clock. */
    synchronized void begin() {
        if (beganNanos == 0) {
            cpuNanos = PROCESS.getProcessCpuTime();
            beganNanos = System.nanoTime();
        }
    }

    long seen() {
        return counters.stream().mapToLong(Counter::value).sum();
    }

    synchronized double seconds() {
        return (System.nanoTime() - beganNanos) / 1e9;
    }

    /** CPU time of the process since the clock started, of all its threads: collector and compiler included. */
    synchronized double cpuSeconds() {
        return (PROCESS.getProcessCpuTime() - cpuNanos) / 1e9;
    }
}
