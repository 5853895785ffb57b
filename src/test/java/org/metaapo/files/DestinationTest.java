package org.metaapo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;

/** Results go where a shell's {@code >} would put them, whole. */
class DestinationTest {
    @TempDir
    private Path temp;

    private static void write(Path path, String text) {
        Destination.of(path).write(out -> out.write(text));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(temp)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void linksAreFollowedAlsoToWhatIsNotThereYet() throws IOException {
        Path file = Files.writeString(temp.resolve("file"), "old");
        Path folder = Files.createDirectories(temp.resolve("deep/folder"));
        Path first = Files.createSymbolicLink(temp.resolve("first"), Path.of("deep/../second"));
        Files.createSymbolicLink(temp.resolve("second"), file);
        write(first, "new");
        assertThat(first).isSymbolicLink();
        assertThat(temp.resolve("second")).isSymbolicLink();
        assertThat(Files.isSymbolicLink(file)).isFalse();
        assertThat(file).hasContent("new");

        Path dangling = Files.createSymbolicLink(temp.resolve("dangling"), folder.resolve("made/later"));
        write(dangling, "there");
        assertThat(dangling).isSymbolicLink().hasContent("there");
        assertThat(names()).containsExactly("dangling", "deep", "file", "first", "second");
    }

    @Test
    void linksInARingAreTold() throws IOException {
        Files.createSymbolicLink(temp.resolve("a"), Path.of("b"));
        Files.createSymbolicLink(temp.resolve("b"), Path.of("a"));
        assertThatThrownBy(() -> write(temp.resolve("a"), "x")).isInstanceOf(RunFailedException.class).hasMessageContaining("too many links");
    }

    @Test
    void foldersOfRunsMayBeLinks() throws IOException {
        Path disk = Files.createDirectories(temp.resolve("disk"));
        Path out = Files.createSymbolicLink(temp.resolve("out"), disk);
        RunLock.acquire(out).close();
        AtomicFiles.makeFolders(out);
        Files.createSymbolicLink(disk.resolve("model"), Files.createDirectories(temp.resolve("big/model")));
        AtomicFiles.folder(out.resolve("model"), folder -> Files.writeString(folder.resolve("weights"), "1"));
        assertThat(disk.resolve("model")).isSymbolicLink();
        assertThat(temp.resolve("big/model/weights")).hasContent("1");
    }

    @Test
    void aReplacedFileKeepsItsPermissions() throws IOException {
        Path file = Files.writeString(temp.resolve("private"), "old");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        write(file, "new");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
    }

    @Test
    void pipesAndDevicesAreWrittenThrough() throws Exception {
        Path pipe = temp.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
        CompletableFuture<String> reader = CompletableFuture.supplyAsync(() -> {
            try {
                return Files.readString(pipe);
            } catch (IOException e) {
                return e.toString();
            }
        });
        write(pipe, "through");
        assertThat(reader.get(20, TimeUnit.SECONDS)).isEqualTo("through");
        assertThat(names()).containsExactly("pipe");
        write(Path.of("/dev/null"), "gone");
        assertThat(Files.isRegularFile(Path.of("/dev/null"))).isFalse();
        assertThatThrownBy(() -> write(Path.of("/dev/full"), "x")).isInstanceOf(RunFailedException.class).hasMessageContaining("/dev/full");
    }

    @Test
    void whatIsReadIsNotWrittenBywhicheverPath() throws IOException {
        Path data = Files.writeString(temp.resolve("data"), "{}");
        Path folder = Files.createDirectories(temp.resolve("model"));
        Path config = Files.writeString(folder.resolve("config.json"), "{}");
        Path link = Files.createSymbolicLink(temp.resolve("link"), data);
        Path hard = Files.createLink(temp.resolve("hard"), data);
        List<Path> inputs = List.of(data, folder, temp.resolve("cache"));
        for (Path out : List.of(data, link, hard, temp.resolve("model/../data"), config, Files.createSymbolicLink(temp.resolve("l2"), config),
                temp.resolve("cache"), temp.resolve("model/../cache"))) {
            assertThatThrownBy(() -> Destination.of(out).check(inputs)).as("%s", out)
                    .isInstanceOf(UsageException.class).hasMessageContaining("is read too, as");
        }
        assertThatCode(() -> Destination.of(temp.resolve("model/new.jsonl")).check(inputs)).doesNotThrowAnyException();
        assertThatCode(() -> Destination.of(Path.of("/dev/null")).check(List.of(Path.of("/dev/null")))).doesNotThrowAnyException();
        assertThat(data).hasContent("{}");
    }

    @Test
    void whatCannotBeWrittenIsToldBeforeAnyWork() throws IOException {
        assertThatThrownBy(() -> Destination.of(temp).check(List.of())).isInstanceOf(UsageException.class).hasMessageContaining("is a folder");
        Path file = Files.writeString(temp.resolve("file"), "");
        assertThatThrownBy(() -> Destination.of(file.resolve("below/it")).check(List.of()))
                .isInstanceOf(RunFailedException.class).hasMessageContaining("cannot be written").hasMessageContaining("file is not a folder");
        assertThatCode(() -> Destination.of(temp.resolve("new/folder/file")).check(List.of())).doesNotThrowAnyException();
    }

    @Test
    void namesOfStandardOutput() throws IOException {
        Path link = Files.createSymbolicLink(temp.resolve("out"), Path.of("/dev/stdout"));
        for (Path path : new Path[] {null, Path.of("-"), Path.of("/dev/stdout"), Path.of("/dev/fd/1"), Path.of("/proc/self/fd/1"), link}) {
            assertThat(Destination.of(path).isStandardOutput()).as("%s", path).isTrue();
        }
        for (Path path : new Path[] {Path.of("./-"), Path.of("/dev/stderr"), Path.of("/dev/null"), temp.resolve("-")}) {
            assertThat(Destination.of(path).isStandardOutput()).as("%s", path).isFalse();
        }
    }

    @Test
    void standardInputIsAFileAsOftenAsItIsAsked() throws IOException {
        InputStream before = System.in;
        try {
            for (String text : List.of("one\nü", "two")) {
                System.setIn(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
                for (int i = 0; i < 2; i++) {
                    assertThat(StandardInput.file(Path.of("-"))).hasContent(text);
                    assertThat(StandardInput.file(Path.of("/dev/stdin"))).hasContent(text);
                    assertThat(StrictText.read(Path.of("-"))).isEqualTo(text);
                }
            }
            assertThat(StandardInput.file(Path.of("./-"))).isEqualTo(Path.of("./-"));
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void theHomeFolder() {
        String home = System.getenv("HOME");
        assertThat(HomeFolder.expanded("~")).isEqualTo(home);
        assertThat(HomeFolder.expanded("~/models/a~b")).isEqualTo(home + "/models/a~b");
        for (String other : List.of("~bob/models", "a/~/b", "./~", "", "-")) {
            assertThat(HomeFolder.expanded(other)).isEqualTo(other);
        }
    }
}
