package org.metaapo.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Prompt;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.UsageException;
import org.metaapo.text.Answer;

/** A user's own class and a user's own command. */
class OwnSourceTest {
    private static final Watch SILENT = done -> {};

    @TempDir
    Path temp;

    private static Annotator open(Path cache, String... options) {
        return RewardSource.of(RunConfig.reward(List.of(options))).open(null, null, 1, cache);
    }

    private static String command(String... arguments) {
        List<String> words = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), RewardProgram.class.getName()));
        words.addAll(Arrays.asList(arguments));
        return "reward.command=[" + String.join(", ", words.stream().map(word -> "'" + word + "'").toList()) + "]";
    }

    private static List<double[]> score(Annotator annotator, String prompt) {
        return annotator.score(List.of(new Prompt(prompt)), Answers.of("one", "three"), SILENT);
    }

    @Test
    void aClassScores() {
        try (Annotator annotator = open(null, "reward.class=" + LengthReward.class.getName())) {
            assertThat(score(annotator, "p").get(0)).containsExactly(3, 5);
            assertThat(annotator.costs().calls()).isEqualTo(1);
            score(annotator, "p");
            assertThat(annotator.costs().calls()).as("cached in memory too").isEqualTo(1);
            assertThat(LengthReward.closed).isFalse();
        }
        assertThat(LengthReward.closed).isTrue();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "throw | 1 | threw java.lang.IllegalStateException: no licence",
        "nan | 3 | a score is NaN; expected a finite number",
        "short | 3 | expected 2 scores, found 1",
        "null | 3 | expected 2 scores, found null",
        "hang | 1 | no scores within 0.3 s (reward.timeout)",
    })
    void aClassThatFails(String prompt, int status, String words) {
        try (Annotator annotator = open(null, "reward.class=" + LengthReward.class.getName(), "reward.timeout=0.3")) {
            assertThatThrownBy(() -> score(annotator, prompt))
                    .isInstanceOf(MetaapoException.class)
                    .hasMessageContaining("reward class org.metaapo.reward.LengthReward")
                    .hasMessageContaining(words)
                    .satisfies(failure -> assertThat(((MetaapoException) failure).exitStatus()).isEqualTo(status))
                    .satisfies(failure -> assertThat(failure.getMessage().lines()).hasSize(1));
            assertThat(annotator.costs().failures()).isEqualTo(1);
        }
    }

    @Test
    void classesComeFromTheirOwnPathAndAreChecked() throws IOException {
        Path classes = Files.createDirectories(temp.resolve("classes/org/metaapo/reward"));
        try (var in = LengthReward.class.getResourceAsStream("LengthReward.class")) {
            Files.write(classes.resolve("LengthReward.class"), in.readAllBytes());
        }
        RunConfig config = RunConfig.reward(List.of("reward.class=" + LengthReward.class.getName(), "reward.class_path=" + temp.resolve("classes")));
        String before = RewardSource.of(config).identity();
        Files.writeString(classes.resolve("weights.txt"), "1 2 3");
        assertThat(RewardSource.of(config).identity()).as("another class path is another source").isNotEqualTo(before);
        for (String[] wrong : new String[][] {
            {"reward.class=no.such.Thing", "there is no class no.such.Thing; expected one on the class path"},
            {"reward.class=java.lang.String", "does not implement org.metaapo.reward.RewardFunction"},
            {"reward.class=org.metaapo.reward.RewardFunction", "no public class with a public constructor"},
            {"reward.class=../x", "there is no class ../x"},
        }) {
            assertThatThrownBy(() -> RewardSource.of(RunConfig.reward(List.of(wrong[0]))).check())
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining(wrong[1]);
        }
        assertThatThrownBy(() -> RewardSource.of(RunConfig.reward(List.of("reward.class=a.B", "reward.class_path=" + temp.resolve("none.jar")))).check())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("none.jar: no such jar or folder");
    }

    /** The class that answers was loaded when the source was opened: what lies there later is not it, and is not read for each answer. */
    @Test
    void aSourceIsWhatItWasWhenItWasOpened() throws IOException {
        Path classes = Files.createDirectories(temp.resolve("classes"));
        Path cache = temp.resolve("cache.jsonl");
        String[] options = {"reward.class=" + LengthReward.class.getName(), "reward.class_path=" + classes};
        try (Annotator annotator = open(cache, options)) {
            score(annotator, "p");
            Files.writeString(classes.resolve("weights.txt"), "1 2 3");
            score(annotator, "p");
            assertThat(annotator.costs().calls()).isEqualTo(1);
        }
        try (Annotator annotator = open(cache, options)) {
            score(annotator, "p");
            assertThat(annotator.costs().calls()).as("another source, with costs of its own").isEqualTo(1);
        }
        assertThat(Files.readAllLines(cache)).hasSize(2);
    }

    @Test
    void aCommandLivesOnAndItsScoresAreKept() {
        Path cache = temp.resolve("cache.jsonl");
        List<Prompt> prompts = IntStream.range(0, 9).mapToObj(i -> new Prompt("p" + i)).toList();
        List<List<Answer>> answers = Answers.of(prompts.stream().map(prompt -> List.of("é", "line\nbreak", "same")).toList());
        long before = children();
        try (Annotator annotator = open(cache, command(), "reward.answers_per_request=4")) {
            List<double[]> scores = annotator.score(prompts, answers, SILENT);
            assertThat(scores).hasSize(9).allSatisfy(one -> assertThat(one).containsExactly(
                    FakeService.reward("é"), FakeService.reward("line\nbreak"), FakeService.reward("same")));
            assertThat(annotator.costs()).isEqualTo(new AnnotationCosts(7, 0, 70, 7, 27, 27));
            assertThat(children()).isEqualTo(before + 1);
        }
        assertThat(children()).as("the command has ended").isEqualTo(before);
        try (Annotator annotator = open(cache, command(), "reward.answers_per_request=4")) {
            annotator.score(prompts, answers, SILENT);
            assertThat(children()).as("nothing to ask, nothing started").isEqualTo(before);
        }
    }

    private static long children() {
        return ProcessHandle.current().descendants().filter(ProcessHandle::isAlive).count();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "die | 1 | ended with status 9 before it replied; the last line of its standard error: out of ideas",
        "partial | 1 | ended with status 0 before it replied; the last line of its standard error: a log line",
        "chat | 3 | not valid JSON",
        "hang | 1 | no reply within 3 s (reward.timeout); the last line of its standard error: a log line",
    })
    void aCommandThatFails(String prompt, int status, String words) {
        long before = children();
        try (Annotator annotator = open(null, command(), "reward.timeout=3")) {
            assertThatThrownBy(() -> score(annotator, prompt))
                    .isInstanceOf(MetaapoException.class)
                    .hasMessageContaining("reward command")
                    .hasMessageContaining(words)
                    .satisfies(failure -> assertThat(((MetaapoException) failure).exitStatus()).isEqualTo(status));
        }
        assertThat(children()).isEqualTo(before);
    }

    @Test
    void aStopKillsTheCommandWithItsChildren() {
        long before = children();
        long start = System.nanoTime();
        try (Annotator annotator = open(null, "reward.command=[sh, -c, 'sleep 600 & wait']", "reward.timeout=600")) {
            assertThatThrownBy(() -> annotator.score(List.of(new Prompt("p")), Answers.of("a"), done -> {
                if (System.nanoTime() - start > 500_000_000L) {
                    throw new InterruptedRunException("stopped");
                }
            })).isInstanceOf(InterruptedRunException.class);
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(6));
        assertThat(children()).isEqualTo(before);
    }

    @Test
    void commandsThatCannotBeStartedAreWrongUsage() {
        assertThatThrownBy(() -> RewardSource.of(RunConfig.reward(List.of("reward.command=" + temp.resolve("none")))).check())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("no such program");
        try (Annotator annotator = open(null, "reward.command=no-such-program --fast")) {
            assertThatThrownBy(() -> score(annotator, "p"))
                    .isInstanceOf(UsageException.class)
                    .hasMessageContaining("cannot be started")
                    .hasMessageContaining("as a list");
        }
    }

    @Test
    void aDamagedCacheIsNamedAndATornEndIsNot() throws IOException {
        Path cache = temp.resolve("cache.jsonl");
        String source = "reward.class=" + LengthReward.class.getName();
        try (Annotator annotator = open(cache, source)) {
            score(annotator, "p");
            score(annotator, "q");
            assertThatThrownBy(() -> open(cache, source)).hasMessageContaining("in use by another process");
        }
        String good = Files.readString(cache);
        for (String torn : List.of(good.substring(0, good.length() - 1), good + "{\"source\"", good + "\0\0\0\0", good + "{\"sour\n")) {
            Files.writeString(cache, torn);
            try (Annotator annotator = open(cache, source)) {
                assertThat(score(annotator, "p").get(0)).containsExactly(3, 5);
            }
            assertThat(good).startsWith(Files.readString(cache));
        }
        Files.writeString(cache, "{\"source\":\"x\",\"scores\":{\"k\":\"high\"}}\n" + good);
        assertThatThrownBy(() -> open(cache, source)).isInstanceOf(DataException.class).hasMessageContaining("cache.jsonl, line 1");
    }
}
