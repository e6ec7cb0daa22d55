package chakong;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/**
 * The fast reader: reads of a sighting what makes keys, and asks the watchlist for them. Stricter than the contract: what it
 * cannot read is left to {@link Sighting}. For one thread.
 */
final class Screen {
    private static final JsonFactory FACTORY = new JsonFactory();
    private static final boolean[] DIGITS = table("0123456789");
    private static final boolean[] DIGITS_X = table("0123456789X");
    private static final boolean[] WITHOUT_IOQ = table("0123456789ABCDEFGHJKLMNPRSTUVWXYZ");
    private static final boolean[] WITHOUT_IO = table("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ");
    private static final boolean[] ALPHANUMERIC = table("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    private final Watchlist watchlist;

    private String id;
    private String kind;
    private String occurredAt;
    private String stationCode;
    private String type;
    private String number;
    private boolean hasVehicle;
    private String plate;
    private String vin;

    Screen(Watchlist watchlist) {
        this.watchlist = watchlist;
    }

    /** Whether the record needs a closer look: it holds a key that an order names, or this reader cannot read it. */
    boolean suspects(byte[] raw) {
        // Jackson also takes UTF-16 and a byte order mark, which are no JSON on this wire.
        if (raw.length < 2 || raw[0] != '{' || raw[1] == 0 || raw.length > Json.RECORD_BYTES_MAX) {
            return true;
        }
        id = kind = occurredAt = stationCode = type = number = plate = vin = null;
        hasVehicle = false;
        try (JsonParser parser = FACTORY.createParser(raw)) {
            parser.nextToken();
            return !record(parser) || parser.nextToken() != null || !isSighting() || isWanted();
        } catch (IOException error) {
            return true;
        }
    }

    private boolean record(JsonParser parser) throws IOException {
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            JsonToken token = parser.nextToken();
            switch (name) {
                case "id" -> id = text(parser, token);
                case "kind" -> kind = text(parser, token);
                case "occurred_at" -> occurredAt = text(parser, token);
                case "station" -> station(parser, token);
                case "person" -> person(parser, token);
                case "vehicle" -> vehicle(parser, token);
                default -> parser.skipChildren();
            }
        }
        return parser.currentToken() == JsonToken.END_OBJECT;
    }

    private void station(JsonParser parser, JsonToken token) throws IOException {
        stationCode = null;
        if (token != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            token = parser.nextToken();
            if (name.equals("code")) {
                stationCode = text(parser, token);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void person(JsonParser parser, JsonToken token) throws IOException {
        type = number = null;
        if (token != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            token = parser.nextToken();
            if (name.equals("document")) {
                document(parser, token);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void document(JsonParser parser, JsonToken token) throws IOException {
        type = number = null;
        if (token != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            token = parser.nextToken();
            switch (name) {
                case "type" -> type = text(parser, token);
                case "number" -> number = text(parser, token);
                default -> parser.skipChildren();
            }
        }
    }

    private void vehicle(JsonParser parser, JsonToken token) throws IOException {
        plate = vin = null;
        hasVehicle = token != JsonToken.VALUE_NULL;
        if (token != JsonToken.START_OBJECT) {
            parser.skipChildren();
            return;
        }
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            token = parser.nextToken();
            switch (name) {
                case "plate" -> plate = text(parser, token);
                case "vin" -> vin = text(parser, token);
                default -> parser.skipChildren();
            }
        }
    }

    /** The text, or null for anything else. */
    private static String text(JsonParser parser, JsonToken token) throws IOException {
        if (token == JsonToken.VALUE_STRING) {
            return parser.getText();
        }
        parser.skipChildren();
        return null;
    }

    /** Whether all that a sighting needs is there and right; a subject that is there and cannot be read is not. */
    private boolean isSighting() {
        if (isBlank(id) || isBlank(stationCode) || kind == null || occurredAt == null
                || !Json.isWhole(id) || !Json.isWhole(stationCode) || Moment.read(occurredAt) == Moment.NONE) {
            return false;
        }
        boolean hasPerson = type != null && !isBlank(number);
        boolean vehicleIsKnown = !isBlank(plate) || !isBlank(vin);
        if (hasVehicle && !vehicleIsKnown) {
            return false;
        }
        return switch (kind) {
            case "vehicle_inspection" -> vehicleIsKnown;
            case "hotel_checkin", "border_crossing", "identity_check" -> hasPerson;
            default -> false;
        };
    }

    private boolean isWanted() {
        return documentIsWanted() || plateIsWanted() || vinIsWanted();
    }

    /** What stands there as a canonical number does is looked up as it stands; so with plates and VINs. */
    private boolean documentIsWanted() {
        if (type == null || isBlank(number)) {
            return false;
        }
        KeyKind kind = KeyKind.ofDocument(type);
        if (kind == KeyKind.OTHER && !Json.isWhole(type)) {
            return true;
        }
        if (kind == KeyKind.RESIDENT_ID ? isResidentId(number) : isOtherNumber(number)) {
            return watchlist.holds(kind, number);
        }
        if (!Json.isWhole(number)) {
            return true;
        }
        Key key = Canonical.document(type, number);
        return key.value().isEmpty() || watchlist.holds(key);
    }

    private boolean plateIsWanted() {
        if (isBlank(plate)) {
            return false;
        }
        String canonical = isPlate(plate) ? plate : Canonical.plate(plate);
        return canonical.isEmpty() || !Json.isWhole(canonical) || watchlist.holds(KeyKind.PLATE, canonical);
    }

    private boolean vinIsWanted() {
        if (isBlank(vin)) {
            return false;
        }
        String canonical = isVin(vin) ? vin : Canonical.vin(vin);
        return canonical.isEmpty() || !Json.isWhole(canonical) || watchlist.holds(KeyKind.VIN, canonical);
    }

    private static boolean isResidentId(String number) {
        return number.length() == 18 && consists(number, 0, 17, DIGITS) && consists(number, 17, 18, DIGITS_X);
    }

    /** Not 10 or 11 characters (a permit may carry an issue count) and not 18 (it may be a resident ID). */
    private static boolean isOtherNumber(String number) {
        int length = number.length();
        return (length < 10 || length == 12) && consists(number, 0, length, ALPHANUMERIC);
    }

    private static boolean isPlate(String plate) {
        int length = plate.length();
        return (length == 7 || length == 8) && plate.charAt(0) >= '\u4e00' && plate.charAt(0) <= '\u9fff'
                && consists(plate, 1, 2, ALPHANUMERIC) && consists(plate, 2, length, WITHOUT_IO);
    }

    private static boolean isVin(String vin) {
        return vin.length() == 17 && consists(vin, 0, 17, WITHOUT_IOQ);
    }

    private static boolean consists(String text, int start, int end, boolean[] of) {
        for (int i = start; i < end; i++) {
            char c = text.charAt(i);
            if (c >= of.length || !of[c]) {
                return false;
            }
        }
        return true;
    }

    private static boolean[] table(String characters) {
        boolean[] table = new boolean[128];
        characters.chars().forEach(c -> table[c] = true);
        return table;
    }

    private static boolean isBlank(String text) {
        return text == null || text.isEmpty();
    }
}
