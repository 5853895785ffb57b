package org.metaapo.error;

/**
 * Base of every failure that the program explains to its user in one line: what, where, expected, found, what to do.
 *
 * <p>The command line prints {@link #getMessage()} after {@code metaapo: } and exits with {@link #exitStatus()}; a
 * stack trace is printed only with {@code --debug}.
 */
public abstract class MetaapoException extends RuntimeException {
    MetaapoException(String message, Throwable cause) {
        super(oneLine(message), cause);
    }

    /** What a message quotes from files may have line breaks and control characters: they are shown as escapes. */
    private static String oneLine(String message) {
        if (message == null || message.chars().noneMatch(MetaapoException::isEscaped)) {
            return message;
        }
        StringBuilder out = new StringBuilder();
        message.chars().forEach(c -> {
            if (c == '\n') {
                out.append("\\n");
            } else if (c == '\r') {
                out.append("\\r");
            } else if (isEscaped(c)) {
                out.append(String.format("\\u%04x", c));
            } else {
                out.append((char) c);
            }
        });
        return out.toString();
    }

    private static boolean isEscaped(int c) {
        return Character.isISOControl(c) && c != '\t' || c == 0x2028 || c == 0x2029;
    }

    /** Process exit status that stands for this kind of failure (design: 2 usage, 3 data, 4 device, 5 interrupted, 1 other). */
    public abstract int exitStatus();

    /** The exit status of any failure: of one that is not explained, 2 for a wrong argument, 4 for a full heap, else 1. */
    public static int statusOf(Throwable failure) {
        if (failure instanceof MetaapoException known) {
            return known.exitStatus();
        }
        return failure instanceof IllegalArgumentException ? 2 : failure instanceof OutOfMemoryError ? 4 : 1;
    }
}
