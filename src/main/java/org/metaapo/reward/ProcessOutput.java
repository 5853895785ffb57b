package org.metaapo.reward;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.metaapo.files.OneLine;

/** Keeps the end of what a process writes to its standard error, for the message of its failure. */
final class ProcessOutput {
    private static final int KEPT_BYTES = 8192;
    private static final int SHOWN_CHARS = 300;

    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final Thread reader;

    ProcessOutput(InputStream in) {
        reader = new Thread(() -> read(in), "command's standard error");
        reader.setDaemon(true);
        reader.start();
    }

    private void read(InputStream in) {
        byte[] buffer = new byte[KEPT_BYTES];
        try {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                keep(buffer, count);
            }
        } catch (IOException e) {
            // The process was killed: what it said before is kept.
        }
    }

    private synchronized void keep(byte[] buffer, int count) {
        byte[] before = kept.toByteArray();
        int old = Math.min(before.length, KEPT_BYTES - Math.min(KEPT_BYTES, count));
        kept.reset();
        kept.write(before, before.length - old, old);
        kept.write(buffer, 0, count);
    }

    /** The last line that is not blank, for a message; empty if there is none. */
    String lastLine() {
        try {
            reader.join(1000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        String text;
        synchronized (this) {
            text = kept.toString(StandardCharsets.UTF_8);
        }
        String last = text.strip().lines().reduce((first, second) -> second).orElse("");
        return OneLine.of(last, SHOWN_CHARS);
    }
}
