package org.metaapo.cli;

import org.metaapo.error.MetaapoException;
import org.metaapo.error.OutputClosedException;
import org.metaapo.error.RankFailedException;
import org.metaapo.ranks.Launcher;

/** Failures of commands as their user sees them. */
final class Failures {
    private static final long FIRST_TELLS_MILLIS = 3000;

    private Failures() {}

    /**
     * In a process that is not the first of its launcher's, gives that one time to tell of what all have before they find each other: once
     * it has ended, the launcher ends the others.
     */
    static void letTheFirstTell() {
        if (Launcher.isFirst(System.getenv())) {
            return;
        }
        try {
            Thread.sleep(FIRST_TELLS_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Tells of one in a line on standard error, unless somebody else does, and returns the exit status.
     *
     * @param debug whether to print its stack trace too
     */
    static int tell(Throwable failure, boolean debug) {
        if (debug) {
            failure.printStackTrace();
        }
        if (failure instanceof OutOfMemoryError) {
            System.err.println("metaapo: the Java heap is full; give it more with JAVA_TOOL_OPTIONS=-Xmx8g");
        } else if (failure instanceof MetaapoException || failure instanceof IllegalArgumentException) {
            if (!(failure instanceof OutputClosedException) && !(failure instanceof RankFailedException)) {
                System.err.println("metaapo: " + failure.getMessage());
            }
        } else {
            System.err.println("metaapo: unexpected " + failure + (debug ? "" : "; --debug shows where"));
        }
        return MetaapoException.statusOf(failure);
    }
}
