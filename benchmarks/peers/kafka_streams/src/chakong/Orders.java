package chakong;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;

/** The orders' file, one JSON object a line, read at the places that the watchlist knows. Safe for several threads. */
final class Orders implements AutoCloseable {
    private static final int GUESSED_BYTES = 2048;

    private final FileChannel file;

    Orders(Path path) throws IOException {
        file = FileChannel.open(path);
    }

    /** The order whose line begins at this place. */
    Order at(long place) {
        try {
            return Order.read(line(place));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private byte[] line(long place) throws IOException {
        for (int size = GUESSED_BYTES; ; size *= 2) {
            ByteBuffer buffer = ByteBuffer.allocate(size);
            while (buffer.hasRemaining() && file.read(buffer, place + buffer.position()) > 0) {}
            byte[] read = buffer.array();
            for (int i = 0; i < buffer.position(); i++) {
                if (read[i] == '\n') {
                    return Arrays.copyOf(read, i);
                }
            }
            if (buffer.hasRemaining()) {
                return Arrays.copyOf(read, buffer.position());
            }
        }
    }
}
