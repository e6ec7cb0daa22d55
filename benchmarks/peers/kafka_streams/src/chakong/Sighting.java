package chakong;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * A sighting that was read (contract, "Sighting"). {@code document} and {@code vehicle} are null where it carries none.
 * {@code detail} is a crossing's direction or an inspection's occasion; where that is not known, a crossing is an exit and an
 * inspection a roadside check.
 */
record Sighting(
        String id, String kind, long occurredAt, String stationCode, Key document, Vehicle vehicle, String detail) {

    private static final Set<String> KINDS = Set.of("hotel_checkin", "border_crossing", "vehicle_inspection", "identity_check");
    private static final Set<String> OCCASIONS =
            Set.of("annual_inspection", "transfer_registration", "mortgage_registration", "roadside_check");

    /** Read one record; null where a required field is missing or wrong. */
    static Sighting read(byte[] raw) {
        JsonNode fields = Json.read(raw);
        String id = Json.text(fields, "id");
        String kind = Json.text(fields, "kind");
        String occurred = Json.text(fields, "occurred_at");
        String station = Json.text(fields.path("station"), "code");
        if (isBlank(id) || kind == null || !KINDS.contains(kind) || occurred == null || isBlank(station)) {
            return null;
        }
        long occurredAt = Moment.read(occurred);
        Key document = document(fields.path("person").path("document"));
        Vehicle vehicle = Vehicle.read(fields.path("vehicle"));
        boolean hasSubject = kind.equals("vehicle_inspection") ? vehicle != null : document != null;
        if (occurredAt == Moment.NONE || !hasSubject) {
            return null;
        }
        return new Sighting(id, kind, occurredAt, station, document, vehicle, detail(kind, fields));
    }

    /** Every key that the sighting carries. */
    List<Key> keys() {
        List<Key> keys = new ArrayList<>(3);
        if (document != null) {
            keys.add(document);
        }
        if (vehicle != null && vehicle.plate() != null) {
            keys.add(new Key(KeyKind.PLATE, vehicle.plate()));
        }
        if (vehicle != null && vehicle.vin() != null) {
            keys.add(new Key(KeyKind.VIN, vehicle.vin()));
        }
        return keys;
    }

    private static Key document(JsonNode fields) {
        String type = Json.text(fields, "type");
        String number = Json.text(fields, "number");
        if (type == null || number == null) {
            return null;
        }
        Key key = Canonical.document(type, number);
        return key.value().isEmpty() ? null : key;
    }

    private static String detail(String kind, JsonNode fields) {
        if (kind.equals("border_crossing")) {
            return "entry".equals(Json.text(fields.path("crossing"), "direction")) ? "entry" : "exit";
        }
        String occasion = Json.text(fields.path("inspection"), "occasion");
        return occasion != null && OCCASIONS.contains(occasion) ? occasion : "roadside_check";
    }

    private static boolean isBlank(String text) {
        return text == null || text.isEmpty();
    }
}
