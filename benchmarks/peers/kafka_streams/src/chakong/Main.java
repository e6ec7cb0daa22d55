package chakong;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** The Kafka Streams contestant, {@code java ... chakong.Main TASK.json}: ends when all is handled and every hit sent. */
public final class Main {
    private static final int THREADS = 2;
    private static final int POLL_RECORDS = 10_000;
    private static final int SYSTEM_SIZED = -1;
    private static final int POLL_MS = 2;
    /** Sightings that are read before the run that is measured. */
    private static final long WARM_UP = 1_500_000;

    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Task task = Task.read(Path.of(arguments[0]));
        Watchlist watchlist = Watchlist.read(task.keys());
        try (Orders orders = new Orders(task.orders())) {
            warmUp(task, watchlist, orders);
            Progress progress = new Progress();
            Topology topology = topology(task, watchlist, orders, progress)
                    .addSink("hits", task.hitsTopic(), new ByteArraySerializer(), new ByteArraySerializer(), "screening");
            try (KafkaStreams streams = started(topology, settings(task, task.namespace()))) {
                while (progress.seen() < task.count() || Acknowledged.HITS.get() < progress.hits.get()) {
                    Thread.sleep(POLL_MS);
                }
                report(task, progress);
            }
        }
    }

    /** Reads the first of the same topics, and tells nobody: a service that runs for months is compiled when it is measured. */
    private static void warmUp(Task task, Watchlist watchlist, Orders orders) throws InterruptedException {
        Progress progress = new Progress();
        Topology topology = topology(task, watchlist, orders, progress);
        try (KafkaStreams streams = started(topology, settings(task, task.namespace() + "-warm-up"))) {
            while (progress.seen() < Math.min(task.there(), WARM_UP)) {
                Thread.sleep(POLL_MS);
            }
        }
    }

    private static KafkaStreams started(Topology topology, Properties settings) {
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        return streams;
    }

    private static Topology topology(Task task, Watchlist watchlist, Orders orders, Progress progress) {
        ByteArrayDeserializer read = new ByteArrayDeserializer();
        return new Topology()
                .addSource("sightings", read, read, task.topics().toArray(String[]::new))
                .addProcessor("screening", () -> new Screening(watchlist, orders, progress), "sightings");
    }

    private static Properties settings(Task task, String application) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.bootstrap());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, THREADS);
        // No partition waits for another's records: their order does not matter here.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        consumer(settings, ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        consumer(settings, ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_RECORDS);
        consumer(settings, ConsumerConfig.RECEIVE_BUFFER_CONFIG, SYSTEM_SIZED);
        // As librdkafka does by default.
        consumer(settings, ConsumerConfig.CHECK_CRCS_CONFIG, false);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG), Acknowledged.class.getName());
        return settings;
    }

    private static void consumer(Properties settings, String name, Object value) {
        settings.put(StreamsConfig.consumerPrefix(name), value);
    }

    private static void report(Task task, Progress progress) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("seconds", progress.seconds());
        result.put("cpu_seconds", progress.cpuSeconds());
        result.put("sightings", progress.seen());
        result.put("unreadable", progress.unreadable.get());
        result.put("resident_mb", residentMb());
        Json.MAPPER.writeValue(task.result().toFile(), result);
    }

    private static double residentMb() throws IOException {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(each -> each.startsWith("VmRSS:"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024 / 1e6;
    }
}
