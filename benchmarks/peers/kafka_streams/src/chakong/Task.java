package chakong;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** What the harness asks for; {@code count} is the exact number of records in the topics. */
record Task(
        String name,
        String bootstrap,
        List<String> topics,
        @JsonProperty("hits_topic") String hitsTopic,
        long count,
        long there,
        Path keys,
        Path orders,
        String redis,
        String namespace,
        Path result) {

    static Task read(Path file) throws IOException {
        return Json.MAPPER.readValue(file.toFile(), Task.class);
    }
}
