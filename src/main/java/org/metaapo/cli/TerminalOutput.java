package org.metaapo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** What standard output and standard error are connected to. */
final class TerminalOutput {
    private static final int FALLBACK_WIDTH = 80;
    private static final int MOST_COLUMNS = 10_000;

    private TerminalOutput() {}

    /** When to write colours. */
    enum Colour {
        AUTO,
        ALWAYS,
        NEVER;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Number of standard output. */
    static final int OUT = 1;
    /** Number of standard error. */
    static final int ERR = 2;

    /** Whether one of them is a terminal, whatever the others are. */
    static boolean isTerminal(int descriptor) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor))
                    .toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException | UnsupportedOperationException | SecurityException e) {
            return false;
        }
    }

    /** Whether one of them is a terminal that can move its cursor. */
    static boolean isCapable(int descriptor, Map<String, String> environment) {
        return isTerminal(descriptor) && !"dumb".equals(environment.get("TERM"));
    }

    /** Whether to write colours: by default on a terminal that has them, unless NO_COLOR is set (no-color.org). */
    static boolean colour(Colour asked, boolean terminal, Map<String, String> environment) {
        return switch (asked) {
            case ALWAYS -> true;
            case NEVER -> false;
            case AUTO ->
                terminal
                        && environment.getOrDefault("NO_COLOR", "").isEmpty()
                        && !"dumb".equals(environment.get("TERM"));
        };
    }

    /** Columns of a line: COLUMNS where it is set, else the terminal's, where {@code descriptor} is one. */
    static int width(int descriptor, Map<String, String> environment) {
        int columns = columns(environment);
        return columns > 0 ? columns : isTerminal(descriptor) ? width() : FALLBACK_WIDTH;
    }

    /** COLUMNS, or 0 where it is not set to a number of columns. */
    static int columns(Map<String, String> environment) {
        String columns = environment.getOrDefault("COLUMNS", "");
        return columns.matches("[1-9][0-9]{0,4}") && Integer.parseInt(columns) <= MOST_COLUMNS ? Integer.parseInt(columns) : 0;
    }

    private static int width() {
        // Else it would take the signals over, and Ctrl-C end a run without its checkpoint.
        try (Terminal terminal = TerminalBuilder.builder().dumb(true).nativeSignals(false).build()) {
            return terminal.getWidth() > 0 ? terminal.getWidth() : FALLBACK_WIDTH;
        } catch (IOException e) {
            return FALLBACK_WIDTH;
        }
    }
}
