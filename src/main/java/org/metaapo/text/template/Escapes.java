package org.metaapo.text.template;

/** Escape sequences of Python's string literals. */
final class Escapes {
    private Escapes() {}

    /**
     * The value of a string literal.
     *
     * @param body what stands between the quotes
     * @param at where the literal starts, for messages
     */
    static String unescape(String body, int at) {
        if (body.indexOf('\\') < 0) {
            return body;
        }
        StringBuilder out = new StringBuilder(body.length());
        int i = 0;
        while (i < body.length()) {
            char c = body.charAt(i);
            if (c != '\\') {
                out.append(c);
                i++;
                continue;
            }
            char kind = body.charAt(i + 1);
            i += 2;
            int simple = "\\'\"abfnrtv".indexOf(kind);
            if (simple >= 0) {
                out.append("\\'\"\u0007\b\f\n\r\t\u000b".charAt(simple));
            } else if (kind == 'x' || kind == 'u' || kind == 'U') {
                int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
                out.appendCodePoint(hexadecimal(body, i, digits, at));
                i += digits;
            } else if (kind >= '0' && kind <= '7') {
                int end = i;
                while (end < body.length() && end < i + 2 && body.charAt(end) >= '0' && body.charAt(end) <= '7') {
                    end++;
                }
                out.append((char) Integer.parseInt(body.substring(i - 1, end), 8));
                i = end;
            } else if (kind == 'N') {
                throw new TemplateFailure("unsupported escape \\N{…} in a string", at);
            } else if (kind != '\n') {
                out.append('\\').append(kind);
            }
        }
        return out.toString();
    }

    private static int hexadecimal(String body, int from, int digits, int at) {
        int value = 0;
        for (int i = from; i < from + digits; i++) {
            int digit = i < body.length() && body.charAt(i) < 128 ? Character.digit(body.charAt(i), 16) : -1;
            if (digit < 0 || value > 0x110000) {
                throw new TemplateFailure("broken \\x, \\u or \\U escape in a string: expected " + digits
                        + " hexadecimal digits of a code point", at);
            }
            value = value * 16 + digit;
        }
        if (!Character.isValidCodePoint(value)) {
            throw new TemplateFailure("broken escape in a string: no such code point", at);
        }
        return value;
    }
}
