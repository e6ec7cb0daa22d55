package chakong;

import java.time.YearMonth;

/** RFC 3339 timestamps with an offset, as microseconds since 1970. */
final class Moment {
    /** What {@link #read} says of a text that is no such timestamp. */
    static final long NONE = Long.MIN_VALUE;

    private static final int SECOND_END = 19;
    private static final long LAST = micros(9999, 12, 31, 23, 59, 59) + 999_999;

    private Moment() {}

    /** The moment, to the microsecond (what is finer is cut off), or {@link #NONE}. Second 60 is the next minute's 0. */
    static long read(String text) {
        int length = text.length();
        if (length <= SECOND_END || text.charAt(4) != '-' || text.charAt(7) != '-' || text.charAt(13) != ':'
                || text.charAt(16) != ':' || "Tt ".indexOf(text.charAt(10)) < 0) {
            return NONE;
        }
        int year = digits(text, 0, 4);
        int month = digits(text, 5, 7);
        int day = digits(text, 8, 10);
        int hour = digits(text, 11, 13);
        int minute = digits(text, 14, 16);
        int second = digits(text, 17, SECOND_END);
        if (year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59
                || second < 0 || second > 60 || (day > 28 && day > YearMonth.of(year, month).lengthOfMonth())) {
            return NONE;
        }
        long micros = micros(year, month, day, hour, minute, second);
        int at = SECOND_END;
        if (text.charAt(at) == '.') {
            int unit = 100_000;
            for (at++; at < length && isDigit(text.charAt(at)); at++) {
                micros += (long) (text.charAt(at) - '0') * unit;
                unit /= 10;
            }
            if (at == SECOND_END + 1) {
                return NONE;
            }
        }
        int offset = offsetMinutes(text, at);
        return offset == Integer.MIN_VALUE || micros > LAST ? NONE : micros - offset * 60_000_000L;
    }

    private static int offsetMinutes(String text, int at) {
        int left = text.length() - at;
        if (left == 1 && (text.charAt(at) == 'Z' || text.charAt(at) == 'z')) {
            return 0;
        }
        boolean colon = left == 6 && text.charAt(at + 3) == ':';
        if ((!colon && left != 5) || (text.charAt(at) != '+' && text.charAt(at) != '-')) {
            return Integer.MIN_VALUE;
        }
        int hours = digits(text, at + 1, at + 3);
        int minutes = digits(text, text.length() - 2, text.length());
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
            return Integer.MIN_VALUE;
        }
        return (text.charAt(at) == '-' ? -1 : 1) * (hours * 60 + minutes);
    }

    /** The number in a piece of the text, or -1 where it holds anything but digits. */
    private static int digits(String text, int start, int end) {
        int value = 0;
        for (int i = start; i < end; i++) {
            if (!isDigit(text.charAt(i))) {
                return -1;
            }
            value = value * 10 + text.charAt(i) - '0';
        }
        return value;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private static long micros(int year, int month, int day, int hour, int minute, int second) {
        // Days from civil: March is the first month of its year, so that the leap day is the last day.
        int shifted = month > 2 ? year : year - 1;
        int era = Math.floorDiv(shifted, 400);
        int ofEra = shifted - era * 400;
        int ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
        long days = era * 146_097L + ofEra * 365L + ofEra / 4 - ofEra / 100 + ofYear - 719_468;
        return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000;
    }
}
