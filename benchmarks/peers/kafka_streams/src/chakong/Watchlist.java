package chakong;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** Every key that an order names, by kind, and where in the orders' file the lines of its orders begin. */
final class Watchlist {
    private static final long[] NOWHERE = {};
    /** Most keys that are asked for are nobody's: in a sparse table that is seen at the first look. */
    private static final float LOAD_FACTOR = 0.25f;
    private static final int INITIAL_CAPACITY = 16;

    private final Map<String, long[]>[] places;

    private Watchlist(Map<String, long[]>[] places) {
        this.places = places;
    }

    /** Read lines of kind, canonical value and offsets, parted by tabs; the offsets are parted by commas. */
    static Watchlist read(Path file) throws IOException {
        @SuppressWarnings({"unchecked", "rawtypes"})
        Map<String, long[]>[] places = new Map[KeyKind.values().length];
        Arrays.setAll(places, kind -> new HashMap<>(INITIAL_CAPACITY, LOAD_FACTOR));
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                int value = line.indexOf('\t');
                int offsets = line.indexOf('\t', value + 1);
                KeyKind kind = KeyKind.valueOf(line.substring(0, value).toUpperCase(Locale.ROOT));
                places[kind.ordinal()].put(line.substring(value + 1, offsets), longs(line.substring(offsets + 1)));
            }
        }
        return new Watchlist(places);
    }

    boolean holds(KeyKind kind, String value) {
        return places[kind.ordinal()].containsKey(value);
    }

    boolean holds(Key key) {
        return holds(key.kind(), key.value());
    }

    /** Where the orders that name the key are; empty where none does. */
    long[] places(Key key) {
        return places[key.kind().ordinal()].getOrDefault(key.value(), NOWHERE);
    }

    private static long[] longs(String text) {
        if (text.indexOf(',') < 0) {
            return new long[] {Long.parseLong(text)};
        }
        return Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
    }
}
