package org.metaapo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;

class FilesTest {
    @TempDir
    private Path temp;

    @Test
    void aFileIsReplacedWholly() throws IOException {
        Path file = temp.resolve("a/b.txt");
        AtomicFiles.write(file, "first, and long");
        AtomicFiles.write(file, "second");
        assertThat(file).hasContent("second");
        assertThat(names(file.getParent())).containsExactly("b.txt");
    }

    @Test
    void aFolderIsReplacedWholly() throws IOException {
        Path folder = temp.resolve("model");
        AtomicFiles.folder(folder, inner -> Files.writeString(inner.resolve("old"), "1"));
        AtomicFiles.folder(folder, inner -> {
            Files.createDirectories(inner.resolve("deep"));
            Files.writeString(inner.resolve("deep/new"), "2");
        });
        assertThat(names(folder)).containsExactly("deep");
        assertThat(folder.resolve("deep/new")).hasContent("2");
        assertThat(names(temp)).containsExactly("model");
    }

    @Test
    void aFailedFolderLeavesTheOldOneAndNothingElse() throws IOException {
        Path folder = temp.resolve("model");
        AtomicFiles.folder(folder, inner -> Files.writeString(inner.resolve("old"), "1"));
        assertThatThrownBy(() -> AtomicFiles.folder(folder, inner -> {
                    Files.writeString(inner.resolve("half"), "2");
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining("disk full")
                .hasMessageMatching(".*free [0-9]+ bytes.*");
        assertThat(names(folder)).containsExactly("old");
        assertThat(names(temp)).containsExactly("model");
    }

    @Test
    void aTargetThatCannotBeWrittenIsNamed() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "x");
        assertThatThrownBy(() -> AtomicFiles.write(file.resolve("below"), "y"))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("file");
        assertThatThrownBy(() -> AtomicFiles.write(Path.of("/"), "y")).isInstanceOf(RunFailedException.class);
    }

    @Test
    void leftoversOfAKilledProcessAreDeletedAndALostFolderIsBroughtBack() throws IOException {
        Files.createDirectories(temp.resolve(".model.partial-1/deep"));
        Files.writeString(temp.resolve(".state.partial-2"), "half");
        Files.createDirectories(temp.resolve(".lost.replaced-3"));
        Files.createDirectories(temp.resolve(".kept.replaced-4/old"));
        Files.createDirectories(temp.resolve("kept"));
        Files.writeString(temp.resolve(".lock"), "1");
        AtomicFiles.deletePartials(temp);
        assertThat(names(temp)).containsExactly(".lock", "kept", "lost");
        assertThat(names(temp.resolve("kept"))).isEmpty();
    }

    @Test
    void theDigestIsThatOfTheStandard() throws IOException {
        String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        Path file = Files.writeString(temp.resolve("abc"), "abc");
        assertThat(Digests.sha256(file)).isEqualTo(abc);
        assertThat(Digests.sha256("abc".getBytes(StandardCharsets.US_ASCII))).isEqualTo(abc);
        assertThatThrownBy(() -> Digests.sha256(temp.resolve("none"))).isInstanceOf(DataException.class);
    }

    @Test
    void aSecondRunInThisProcessIsKeptOutUntilTheFirstEnds() {
        Path folder = temp.resolve("run");
        try (RunLock first = RunLock.acquire(folder)) {
            assertThat(first).isNotNull();
            for (int attempt = 0; attempt < 2; attempt++) {
                assertThatThrownBy(() -> RunLock.acquire(folder.resolve("../run")))
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageContaining("process " + ProcessHandle.current().pid());
            }
        }
        RunLock second = RunLock.acquire(folder);
        second.close();
        second.close();
        RunLock.acquire(folder).close();
    }

    @Test
    void aRunInAnotherProcessIsKeptOutAndItsKillFreesTheLock() throws Exception {
        Path folder = temp.resolve("run");
        Process holder = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        LockHolder.class.getName(),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            assertThat(holder.getInputStream().read()).isEqualTo('L');
            for (int attempt = 0; attempt < 2; attempt++) {
                assertThatThrownBy(() -> RunLock.acquire(folder))
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageContaining("process " + holder.pid());
            }
        } finally {
            holder.destroyForcibly().waitFor();
        }
        RunLock.acquire(folder).close();
    }

    /** Holds a lock until it is killed. */
    static final class LockHolder {
        private LockHolder() {}

        public static void main(String[] arguments) throws Exception {
            try (RunLock lock = RunLock.acquire(Path.of(arguments[0]))) {
                System.out.print(lock == null ? 'N' : 'L');
                System.out.flush();
                Thread.sleep(60_000);
            }
        }
    }

    @Test
    void jsonErrorsNameFileLineAndColumn() throws IOException {
        Path file = Files.writeString(temp.resolve("x.json"), "{\n  \"a\": 1,\n  \"b\": oops\n}");
        assertThatThrownBy(() -> Json.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file + ", line 3, column")
                .hasMessageNotContaining("\n");
        for (String bad : List.of("{\"a\":1,\"a\":2}", "{} {}", "", "  ", "NaN", "{'a':1}", "// x\n1", "[1,]")) {
            assertThatThrownBy(() -> Json.parse(bad, "text")).isInstanceOf(DataException.class);
        }
        assertThat(Json.parse("null", "text").isNull()).isTrue();
    }

    @Test
    void brokenUtf8AndByteOrderMarksAreNamedWithTheirPlace() throws IOException {
        Path file = temp.resolve("x.txt");
        Files.write(file, new byte[] {'a', '\n', 'b', (byte) 0xc3, 'c'});
        assertThatThrownBy(() -> StrictText.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("line 2, byte column 2")
                .hasMessageContaining("0xc3");
        Files.write(file, new byte[] {'a', (byte) 0xe2, (byte) 0x82});
        assertThatThrownBy(() -> StrictText.read(file)).hasMessageContaining("not UTF-8");
        Files.writeString(file, "\ufeffx");
        assertThatThrownBy(() -> StrictText.read(file)).hasMessageContaining("byte-order mark");
        Files.writeString(file, "grüße 😀");
        assertThat(StrictText.read(file)).isEqualTo("grüße 😀");
    }

    @Test
    void writingToAFullDeviceIsAnIoException() {
        assertThatThrownBy(() -> AtomicFiles.write(temp.resolve("f"), 1, channel -> {
                    try (var full = java.nio.channels.FileChannel.open(
                            Path.of("/dev/full"), java.nio.file.StandardOpenOption.WRITE)) {
                        AtomicFiles.writeFully(full, ByteBuffer.wrap(new byte[1]));
                    }
                }))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("disk full")
                .hasMessageContaining("needed 1 bytes");
    }

    private static List<String> names(Path folder) throws IOException {
        try (var entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }
}
