package chakong;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/** Counts the hits that the broker has, for Kafka Streams does not say when it has sent what it was given. */
public final class Acknowledged implements ProducerInterceptor<byte[], byte[]> {
    static final AtomicLong HITS = new AtomicLong();

    @Override
    public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
        return record;
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception error) {
        if (error == null) {
            HITS.incrementAndGet();
        }
    }

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configs) {}
}
