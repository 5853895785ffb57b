package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.files.Fixtures;

/** Runs commands in this process and keeps what they print. */
abstract class CommandTest {
    @TempDir
    Path temp;

    String err;
    String out;

    int run(String... arguments) {
        PrintStream oldErr = System.err;
        PrintStream oldOut = System.out;
        ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
        System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
        try {
            return Main.run(arguments);
        } finally {
            System.setErr(oldErr);
            System.setOut(oldOut);
            err = errBytes.toString(StandardCharsets.UTF_8);
            out = outBytes.toString(StandardCharsets.UTF_8);
        }
    }

    void assertFails(int status, String words, String... arguments) {
        assertThat(run(arguments)).as(err).isEqualTo(status);
        assertThat(err.lines().toList()).as("one line").hasSize(1);
        assertThat(err).startsWith("metaapo: ").contains(words).doesNotContain("Exception");
    }

    Path write(String name, String text) throws IOException {
        return Files.writeString(temp.resolve(name), text);
    }

    static String fixture(String name) {
        return Fixtures.path(name).toString();
    }
}
