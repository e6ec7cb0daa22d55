package chakong;

import com.fasterxml.jackson.databind.JsonNode;

/** A vehicle as it is compared: canonical, null where a part is not known or says nothing. */
record Vehicle(String plate, String plateClass, String vin) {

    /** The vehicle that a JSON value describes; null where neither plate nor VIN says anything. */
    static Vehicle read(JsonNode fields) {
        String plate = Json.text(fields, "plate");
        String vin = Json.text(fields, "vin");
        String plateKey = plate == null ? "" : Canonical.plate(plate);
        String vinKey = vin == null ? "" : Canonical.vin(vin);
        if (plateKey.isEmpty() && vinKey.isEmpty()) {
            return null;
        }
        String plateClass = Canonical.plateClass(Json.text(fields, "plate_class"));
        return new Vehicle(plateKey.isEmpty() ? null : plateKey, plateClass, vinKey.isEmpty() ? null : vinKey);
    }

    /** Whether both are one vehicle: by VIN, else by plate and class together, where an unknown class is no contradiction. */
    boolean is(Vehicle other) {
        if (vin != null && vin.equals(other.vin)) {
            return true;
        }
        boolean classesDiffer = plateClass != null && other.plateClass != null && !plateClass.equals(other.plateClass);
        return plate != null && plate.equals(other.plate) && !classesDiffer;
    }
}
