package chakong;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/** JSON records as trees: for the few that need a closer look. */
final class Json {
    /** A record longer than this is unreadable. */
    static final int RECORD_BYTES_MAX = 1 << 20;

    static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder().maxNumberLength(RECORD_BYTES_MAX).build())
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private Json() {}

    /** The record's value; missing where there is none. What is damaged within one text costs that text only. */
    static JsonNode read(byte[] raw) {
        if (raw.length > RECORD_BYTES_MAX) {
            return MissingNode.getInstance();
        }
        try {
            return MAPPER.readTree(raw);
        } catch (IOException error) {
            try {
                return MAPPER.readTree(damaged(raw));
            } catch (JsonProcessingException again) {
                return MissingNode.getInstance();
            }
        }
    }

    /** The text in a field; null where there is no such field, or its value is no text or a damaged one. */
    static String text(JsonNode fields, String name) {
        JsonNode value = fields.path(name);
        return value.isTextual() && isWhole(value.textValue()) ? value.textValue() : null;
    }

    /** Whether a text holds no unpaired surrogate. */
    static boolean isWhole(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (i + 1 == text.length() || !Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
                    return false;
                }
                i++;
            }
        }
        return true;
    }

    /** The bytes as UTF-8, with an unpaired surrogate for each byte that is none. */
    private static String damaged(byte[] raw) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(raw);
        CharBuffer out = CharBuffer.allocate(raw.length);
        for (CoderResult end = decoder.decode(in, out, true); end.isError(); end = decoder.decode(in, out, true)) {
            for (int i = 0; i < end.length(); i++) {
                out.put((char) (0xDC00 + (in.get() & 0xFF)));
            }
        }
        return out.flip().toString();
    }
}
