package chakong;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** The Kafka Streams contestant: {@code java ... chakong.Main TASK.json}. Ends when every sighting is handled and every hit sent. */
public final class Main {
    private static final Duration POLL = Duration.ofMillis(2);
    private static final Duration CLOSE = Duration.ofSeconds(30);

    private Main() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Task task = Task.read(Path.of(arguments[0]));
        Watchlist watchlist = Watchlist.read(task.keys());
        Progress progress = new Progress();
        try (Orders orders = new Orders(task.orders());
                KafkaStreams streams = new KafkaStreams(topology(task, watchlist, orders, progress), settings(task))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            while (progress.seen() < task.count() || Acknowledged.HITS.get() < progress.hits.get()) {
                if (streams.state() == KafkaStreams.State.ERROR) {
                    System.exit(1);
                }
                Thread.sleep(POLL.toMillis());
            }
            report(task, progress);
            streams.close(CLOSE);
        }
    }

    private static Topology topology(Task task, Watchlist watchlist, Orders orders, Progress progress) {
        ByteArrayDeserializer read = new ByteArrayDeserializer();
        ByteArraySerializer write = new ByteArraySerializer();
        return new Topology()
                .addSource("sightings", read, read, task.topics().toArray(String[]::new))
                .addProcessor("screening", () -> new Screening(watchlist, orders, progress), "sightings")
                .addSink("hits", task.hitsTopic(), write, write, "screening");
    }

    private static Properties settings(Task task) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, task.namespace());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.bootstrap());
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.getInteger("threads", 1));
        // No partition waits for another's records: their order does not matter here.
        settings.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, Integer.getInteger("buffered", 10_000));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), Integer.getInteger("poll", 10_000));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), Integer.getInteger("fetch", 4 << 20));
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), 64 << 20);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), -1);
        // As librdkafka does by default.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.CHECK_CRCS_CONFIG), false);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG), Acknowledged.class.getName());
        return settings;
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
