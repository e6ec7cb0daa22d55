package chakong;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;

/**
 * An order in place, as far as it decides a hit (contract, "Order"). {@code documents} are of the person it names,
 * {@code vehicle} is the one it names; {@code until} is {@link Moment#NONE} where it has no end.
 */
record Order(String id, String measure, String partyRole, Set<Key> documents, Vehicle vehicle, long from, long until) {

    static Order read(byte[] raw) {
        JsonNode fields = Json.read(raw);
        String measure = fields.path("measure").asText();
        boolean ofVehicle = measure.equals("vehicle_seizure");
        Set<Key> documents = new HashSet<>();
        if (!ofVehicle) {
            for (JsonNode document : fields.path("person").path("documents")) {
                documents.add(Canonical.document(document.path("type").asText(), document.path("number").asText()));
            }
        }
        JsonNode control = fields.path("control");
        return new Order(
                fields.path("id").asText(),
                measure,
                fields.path("case").path("party_role").asText(),
                documents,
                ofVehicle ? Vehicle.read(fields.path("vehicle")) : null,
                Moment.read(control.path("from").asText()),
                control.path("until").isTextual() ? Moment.read(control.path("until").asText()) : Moment.NONE);
    }

    /** Whether this order must hit that sighting: the same subject, in the control period, a pair that the policy names. */
    boolean hits(Sighting sighting) {
        return names(sighting) && controls(sighting.occurredAt()) && mayHit(sighting);
    }

    private boolean names(Sighting sighting) {
        if (vehicle != null) {
            return sighting.vehicle() != null && sighting.vehicle().is(vehicle);
        }
        return sighting.document() != null && documents.contains(sighting.document());
    }

    private boolean controls(long moment) {
        return from <= moment && (until == Moment.NONE || moment < until);
    }

    /** The national policy (contract, "Which sighting may hit which order"). */
    private boolean mayHit(Sighting sighting) {
        boolean crossing = sighting.kind().equals("border_crossing");
        return switch (measure) {
            case "judicial_detention" -> true;
            case "exit_restriction" -> crossing
                    && (sighting.detail().equals("exit") || partyRole.equals("judgment_debtor"));
            case "vehicle_seizure" -> crossing || sighting.kind().equals("vehicle_inspection");
            default -> false;
        };
    }
}
