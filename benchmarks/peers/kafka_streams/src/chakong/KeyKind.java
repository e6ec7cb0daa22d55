package chakong;

/** What a key is of: a type of document, a plate or a VIN. */
enum KeyKind {
    RESIDENT_ID,
    PASSPORT,
    HK_MACAU_PERMIT,
    TAIWAN_PERMIT,
    EXIT_ENTRY_PERMIT,
    FOREIGN_PERMANENT_RESIDENCE,
    OTHER,
    PLATE,
    VIN;

    /** The kind of a document type as it is written; a type outside the contract's list is {@code OTHER}. */
    static KeyKind ofDocument(String type) {
        return switch (type) {
            case "resident_id" -> RESIDENT_ID;
            case "passport" -> PASSPORT;
            case "hk_macau_permit" -> HK_MACAU_PERMIT;
            case "taiwan_permit" -> TAIWAN_PERMIT;
            case "exit_entry_permit" -> EXIT_ENTRY_PERMIT;
            case "foreign_permanent_residence" -> FOREIGN_PERMANENT_RESIDENCE;
            default -> OTHER;
        };
    }
}
