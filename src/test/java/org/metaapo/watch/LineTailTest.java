package org.metaapo.watch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.report.RunFiles;

class LineTailTest {
    private static final int MUCH = 1 << 23;

    @TempDir
    Path temp;

    private Path file;
    private LineTail tail;

    @BeforeEach
    void open() {
        file = temp.resolve("metrics.jsonl");
        tail = new LineTail(new RunFiles(temp), "metrics.jsonl");
    }

    private static List<String> texts(LineTail.Look look) {
        return look.lines().stream().map(line -> new String(line, StandardCharsets.UTF_8)).toList();
    }

    /** Losses by step, as after all the looks; a step that is told twice fails. */
    private void read(Map<Long, Double> losses) {
        LineTail.Look look = tail.read(MUCH);
        if (look.restarted()) {
            losses.clear();
        }
        for (String line : texts(look)) {
            var json = Json.parse(line, "line");
            if (!json.has("kind")) {
                assertThat(losses.put(json.path("step").asLong(), json.path("loss").asDouble())).isNull();
            }
        }
    }

    @Test
    void aResumedRunsFileIsReadAgainThoughItHasBecomeLonger() throws IOException {
        Files.copy(Fixtures.path("watch/1-running.jsonl"), file);
        Map<Long, Double> losses = new TreeMap<>();
        read(losses);
        assertThat(losses).hasSize(12);
        Map<Long, Double> before = new TreeMap<>(losses);
        Files.write(file, Files.readAllBytes(Fixtures.path("watch/2-resumed.jsonl")));
        read(losses);
        assertThat(losses.keySet()).hasSize(15).contains(1L, 15L);
        losses.forEach((step, loss) -> {
            if (step <= 12) {
                assertThat(loss - before.get(step)).isCloseTo(step > 8 ? 0.001 : 0, within(1e-9));
            }
        });
        assertThat(tail.read(MUCH).lines()).isEmpty();
    }

    @Test
    void aLineIsGivenWhenItHasEnded() throws IOException {
        assertThat(tail.read(MUCH).exists()).isFalse();
        Files.writeString(file, "one\ntw");
        assertThat(texts(tail.read(MUCH))).containsExactly("one");
        assertThat(texts(tail.read(MUCH))).isEmpty();
        Files.writeString(file, "o\n\nthree\n", StandardOpenOption.APPEND);
        assertThat(texts(tail.read(MUCH))).containsExactly("two", "three");
    }

    @Test
    void aShorterFileBeginsAgainAndOneThatIsGoneIsWaitedFor() throws IOException {
        Files.writeString(file, "one\ntwo\nthree\n");
        tail.read(MUCH);
        Files.writeString(file, "one\n");
        LineTail.Look look = tail.read(MUCH);
        assertThat(look.restarted()).isTrue();
        assertThat(texts(look)).containsExactly("one");
        Files.delete(file);
        assertThat(tail.read(MUCH).exists()).isFalse();
        Files.writeString(file, "one\ntwo\n");
        look = tail.read(MUCH);
        assertThat(look.restarted()).as("the same bytes").isFalse();
        assertThat(texts(look)).containsExactly("two");
    }

    @Test
    void aHugeLineIsPassedOverWhateverTheSizeOfReads() throws IOException {
        Files.writeString(file, "a\n" + "x".repeat(3 * LineTail.LONGEST) + "\nb\n");
        int passedOver = 0;
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            LineTail.Look look = tail.read(LineTail.LONGEST + 10);
            texts(look).forEach(all::append);
            passedOver += look.passedOver();
        }
        assertThat(all.toString()).isEqualTo("ab");
        assertThat(passedOver).isEqualTo(1);
    }

    @Test
    void aLineThatIsWrittenAgainAtTheSameLengthIsNoticed() throws IOException {
        Files.writeString(file, "one\ntwo\n");
        tail.read(MUCH);
        Files.writeString(file, "onx\ntwo\n");
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
        assertThat(texts(tail.read(MUCH))).containsExactly("onx", "two");
    }

    @Test
    void aLinkIsNotFollowed() throws IOException {
        Files.createSymbolicLink(file, Files.writeString(temp.resolve("other"), "one\n"));
        assertThat(tail.read(MUCH).exists()).isFalse();
    }
}
