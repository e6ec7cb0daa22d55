package chakong;

/** A canonical identifier and what kind it is of: equal keys name the same document or vehicle. */
record Key(KeyKind kind, String value) {}
