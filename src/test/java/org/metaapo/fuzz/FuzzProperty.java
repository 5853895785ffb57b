package org.metaapo.fuzz;

import java.io.IOException;
import java.nio.file.Path;
import org.metaapo.error.MetaapoException;

/** What holds for every input: it is read, or refused with one line; and neither takes long. */
final class FuzzProperty {
    /** Generous, for machines that do other things beside. */
    private static final double MOST_SECONDS = Double.parseDouble(System.getProperty("fuzz.most.seconds", "20"));

    private FuzzProperty() {}

    /** @return why the input was refused; null where it was read */
    static MetaapoException check(FuzzTarget target, byte[] input, Path scratch) throws IOException {
        long start = System.nanoTime();
        MetaapoException refusal = null;
        try {
            target.run(input, scratch);
        } catch (MetaapoException refused) {
            refusal = refused;
            String message = refused.getMessage();
            if (message == null || message.isBlank() || message.lines().count() != 1) {
                throw new AssertionError("not one line: " + message, refused);
            }
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        if (seconds > MOST_SECONDS) {
            throw new AssertionError("took " + seconds + " s");
        }
        return refusal;
    }
}
