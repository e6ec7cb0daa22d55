package chakong;

import java.text.Normalizer;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.BitSet;
import java.util.Locale;
import java.util.regex.Pattern;

/** The one canonical form of each identifier (contract, "Keys"; GB 11643, GA 36, ISO 3779). */
final class Canonical {
    private static final String HYPHENS = ""
            + "\u002d\u00ad\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212"
            + "\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0";
    private static final String MIDDLE_DOTS = "\u00b7\u0387\u16eb\u2022\u2027\u2219\u22c5\u2e31\u30fb\ua78f";
    private static final String INVISIBLE = "\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066"
            + "\u2067\u2068\u2069\ufeff";
    private static final String SPACES = "\t\013\f\034\035\036\037 \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
            + "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\n\r";
    private static final BitSet DROPPED = new BitSet(1 << 16);

    private static final Pattern FIFTEEN = Pattern.compile("[0-9]{15}");
    private static final Pattern EIGHTEEN = Pattern.compile("[0-9]{17}[0-9X]");
    private static final Pattern HK_MACAU_WITH_ISSUE = Pattern.compile("[A-Z][0-9]{10}");
    private static final Pattern TAIWAN_WITH_ISSUE = Pattern.compile("[0-9]{10}");
    private static final Pattern PLATE_CLASS = Pattern.compile("[0-9]{2}");
    private static final int[] WEIGHTS = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    private static final String CHECK_CHARACTERS = "10X98765432";

    static {
        (HYPHENS + MIDDLE_DOTS + INVISIBLE + SPACES).chars().forEach(DROPPED::set);
    }

    private Canonical() {}

    /** The identifier in NFKC, upper case, without spaces, hyphens and middle dots; repeated until nothing changes. */
    static String clean(String identifier) {
        String text = identifier;
        while (!isSettled(text)) {
            String cleaned = nfkc(dropped(nfkc(text).toUpperCase(Locale.ROOT)));
            if (cleaned.equals(text)) {
                break;
            }
            text = cleaned;
        }
        return text;
    }

    /** The key of a document as it was written; its value is empty when nothing is left after cleaning. */
    static Key document(String type, String number) {
        KeyKind kind = KeyKind.ofDocument(type);
        String cleaned = clean(number);
        if (kind == KeyKind.RESIDENT_ID) {
            return new Key(kind, FIFTEEN.matcher(cleaned).matches() ? lengthened(cleaned) : cleaned);
        }
        if (isValidResidentId(cleaned)) {
            return new Key(KeyKind.RESIDENT_ID, cleaned);
        }
        boolean hasIssue = (kind == KeyKind.HK_MACAU_PERMIT && HK_MACAU_WITH_ISSUE.matcher(cleaned).matches())
                || (kind == KeyKind.TAIWAN_PERMIT && TAIWAN_WITH_ISSUE.matcher(cleaned).matches());
        return new Key(kind, hasIssue ? cleaned.substring(0, cleaned.length() - 2) : cleaned);
    }

    /** The plate cleaned, and I and O behind the province character and the office letter read as 1 and 0. */
    static String plate(String plate) {
        String cleaned = clean(plate);
        if (cleaned.codePointCount(0, cleaned.length()) <= 2) {
            return cleaned;
        }
        int serial = cleaned.offsetByCodePoints(0, 2);
        return cleaned.substring(0, serial) + cleaned.substring(serial).replace('I', '1').replace('O', '0');
    }

    /** The two digits of a plate class, or null where it is not known or is no such code. */
    static String plateClass(String plateClass) {
        String cleaned = plateClass == null ? "" : clean(plateClass);
        return PLATE_CLASS.matcher(cleaned).matches() ? cleaned : null;
    }

    /** The VIN cleaned, with I, O and Q read as 1, 0 and 0. */
    static String vin(String vin) {
        return clean(vin).replace('I', '1').replace('O', '0').replace('Q', '0');
    }

    private static boolean isSettled(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= '\u4e00' && c <= '\u9fff')) {
                return false;
            }
        }
        return true;
    }

    private static String nfkc(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFKC);
    }

    private static String dropped(String text) {
        StringBuilder kept = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            if (!DROPPED.get(text.charAt(i))) {
                kept.append(text.charAt(i));
            }
        }
        return kept.toString();
    }

    private static String lengthened(String fifteen) {
        String first17 = fifteen.substring(0, 6) + "19" + fifteen.substring(6);
        return first17 + checkCharacter(first17);
    }

    private static char checkCharacter(String id) {
        int sum = 0;
        for (int i = 0; i < WEIGHTS.length; i++) {
            sum += WEIGHTS[i] * (id.charAt(i) - '0');
        }
        return CHECK_CHARACTERS.charAt(sum % 11);
    }

    private static boolean isValidResidentId(String number) {
        return EIGHTEEN.matcher(number).matches() && holdsDate(number) && checkCharacter(number) == number.charAt(17);
    }

    private static boolean holdsDate(String id) {
        int year = Integer.parseInt(id, 6, 10, 10);
        try {
            LocalDate.of(year, Integer.parseInt(id, 10, 12, 10), Integer.parseInt(id, 12, 14, 10));
            return year >= 1;
        } catch (DateTimeException error) {
            return false;
        }
    }
}
