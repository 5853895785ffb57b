package org.metaapo.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Entry point of Jazzer, which looks for these two methods; {@code ./metaapo test fuzz} starts it. */
public final class JazzerTarget {
    private static FuzzTarget target;
    private static Path scratch;

    private JazzerTarget() {}

    /** @param arguments the target's name and a folder to work in */
    public static void fuzzerInitialize(String[] arguments) throws IOException {
        target = FuzzTarget.valueOf(arguments[0]);
        scratch = Files.createDirectories(Path.of(arguments[1]));
    }

    /** One input. */
    public static void fuzzerTestOneInput(byte[] input) throws IOException {
        HeapBound.check(target, input, scratch);
    }
}
