package chakong;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** The one processor: a sighting in, a record for each order that it hits out. */
final class Screening implements Processor<byte[], byte[], byte[], byte[]> {
    private final Watchlist watchlist;
    private final Orders orders;
    private final Progress progress;
    private final Progress.Counter counter;
    private final Screen screen;

    private ProcessorContext<byte[], byte[]> context;

    Screening(Watchlist watchlist, Orders orders, Progress progress) {
        this.watchlist = watchlist;
        this.orders = orders;
        this.progress = progress;
        this.counter = progress.counter();
        this.screen = new Screen(watchlist);
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        if (counter.value() == 0) {
            progress.begin();
        }
        byte[] raw = record.value();
        if (raw == null || screen.suspects(raw)) {
            lookCloser(record);
        }
        counter.add();
    }

    private void lookCloser(Record<byte[], byte[]> record) {
        Sighting sighting = record.value() == null ? null : Sighting.read(record.value());
        if (sighting == null) {
            progress.unreadable.incrementAndGet();
            return;
        }
        sighting.keys().stream()
                .flatMapToLong(key -> Arrays.stream(watchlist.places(key)))
                .distinct()
                .mapToObj(orders::at)
                .filter(order -> order.hits(sighting))
                .forEach(order -> {
                    progress.hits.incrementAndGet();
                    context.forward(record.withKey((byte[]) null).withValue(hit(order, sighting)));
                });
    }

    private static byte[] hit(Order order, Sighting sighting) {
        ObjectNode hit = Json.MAPPER.createObjectNode();
        hit.put("order_id", order.id());
        hit.put("station_code", sighting.stationCode());
        hit.put("sighting_id", sighting.id());
        try {
            return Json.MAPPER.writeValueAsBytes(hit);
        } catch (JsonProcessingException error) {
            throw new IllegalStateException(error);
        }
    }
}
