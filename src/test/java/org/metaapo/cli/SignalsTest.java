package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.files.Fixtures;

/** A signal ends every command, with no file half written, and with a status that says whether the same command goes on. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SignalsTest {
    private static final long SECONDS = 120;

    private Shell shell;

    @BeforeAll
    void build(@TempDir Path folder) throws Exception {
        shell = Shell.in(folder);
        Files.writeString(shell.work().resolve("run.yaml"), "recipe: dpo\ndtype: f32\nthreads: 1\nmodel: {path: " + Fixtures.path("tiny-llama")
                + "}\ndata: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}\ntrain: {batch: 4, epochs: 4000}\n");
    }

    private Path file(String name) {
        return shell.work().resolve(name);
    }

    private Process start(String script, String log) throws IOException {
        return shell.bash(script, Map.of()).redirectErrorStream(true).redirectOutput(file(log).toFile()).start();
    }

    private static void await(Process process, BooleanSupplier ready) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (process.isAlive() && !ready.getAsBoolean() && System.nanoTime() < end) {
            Thread.sleep(20);
        }
    }

    private static int end(Process process) throws InterruptedException {
        assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private Stream<String> begun() {
        try (Stream<Path> files = Files.list(shell.work())) {
            return files.map(path -> path.getFileName().toString())
                    .filter(name -> name.contains(".partial-") || name.startsWith("metaapo-")).toList().stream();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Each waits for the end of what it reads, and has begun a file by then: its copy of standard input, or its result. */
    @ParameterizedTest
    @CsvSource({
        "score --model $F/tiny-llama --data - --out score.jsonl, TERM, 143", "generate --model $F/tiny-llama --data - --out generate.jsonl, HUP, 129",
        "reward --model $F/tiny-rm --data - --out reward.jsonl, TERM, 143", "inspect --model $F/tiny-llama --data - --out inspect.jsonl, TERM, 143",
        "plan -, TERM, 143", "compare -, TERM, 143", "train -, TERM, 143",
    })
    void aCommandThatKeepsNothingEndsAtOnce(String command, String signal, int status) throws Exception {
        assumeHeard(signal);
        String log = command.split(" ")[0] + ".log";
        Process process = start("exec \"$LAUNCHER\" " + command, log);
        await(process, () -> begun().findAny().isPresent());
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
        assertThat(end(process)).as(Files.readString(file(log))).isEqualTo(status);
        assertThat(file(log)).hasContent("metaapo: stopped by SIG" + signal);
        assertThat(begun()).isEmpty();
        assertThat(file(command.split(" ")[0] + ".jsonl")).doesNotExist();
    }

    /** The demo makes its folder, and goes on in it. */
    @Test
    void theDemoKeepsWhatItMade() throws Exception {
        Process process = start("exec \"$LAUNCHER\" demo --out demo --threads 1", "demo.log");
        await(process, () -> has(file("demo/sft/metrics.jsonl"), "\"step\":2"));
        process.destroy();
        assertThat(end(process)).as(Files.readString(file("demo.log"))).isEqualTo(5);
        assertThat(Files.readString(file("demo.log"))).contains("the same command goes on from here");
        assertThat(file("demo/sft/checkpoints")).isNotEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource({"HUP", "TERM"})
    void aRunTakesACheckpoint(String signal) throws Exception {
        assumeHeard(signal);
        Process process = start("exec \"$LAUNCHER\" train run.yaml out=run" + signal, "run.log");
        await(process, () -> has(file("run" + signal + "/metrics.jsonl"), "\"step\":3"));
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
        assertThat(end(process)).as(Files.readString(file("run.log"))).isEqualTo(5);
        assertThat(Files.readString(file("run.log"))).contains("stopping after this step", "the same command goes on from here");
        assertThat(file("run" + signal + "/checkpoints")).isNotEmptyDirectory();
    }

    /** The progress bar asks the terminal for its width, which must leave the signals alone. */
    @Test
    void ctrlCOnATerminalTakesACheckpointToo() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "util-linux's script makes the terminal");
        assumeHeard("INT");
        String script = "TERM=xterm COLUMNS=70 NO_COLOR=1 script -qec 'exec \"$LAUNCHER\" train run.yaml out=terminal' /dev/null";
        Process process = shell.bash(script, Map.of())
                .redirectErrorStream(true).redirectOutput(file("terminal.log").toFile()).start();
        await(process, () -> has(file("terminal/metrics.jsonl"), "\"step\":3"));
        process.getOutputStream().write(3);
        process.getOutputStream().flush();
        assertThat(end(process)).as(Files.readString(file("terminal.log"))).isEqualTo(5);
        assertThat(file("terminal/checkpoints")).isNotEmptyDirectory();
        String shown = Files.readString(file("terminal.log"));
        assertThat(shown).contains("█").doesNotContainPattern("\u001b\\[[0-9;]*m");
        assertThat(shown.replaceAll("\u001b\\[[0-9;]*[A-Z]", "").split("[\r\n]+"))
                .filteredOn(line -> line.contains("|")).isNotEmpty().allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(70));
    }

    @Test
    void scoresThatWerePaidForAreKept() throws Exception {
        Files.writeString(file("slow.sh"), "read -r line; printf '%s\\n' '{\"items\": [{\"id\": \"0\", \"scores\": [1, 2]}]}'; read -r line; sleep 60\n");
        String command = "reward --data $F/pairs.jsonl --cache paid.jsonl --out scored.jsonl --quiet --reward 'command=[bash, slow.sh]'"
                + " --reward answers_per_request=2";
        Process process = start("exec \"$LAUNCHER\" " + command, "paid.log");
        await(process, () -> has(file("paid.jsonl"), "scores"));
        process.destroy();
        assertThat(end(process)).as(Files.readString(file("paid.log"))).isEqualTo(5);
        assertThat(Files.readString(file("paid.log"))).contains("stopping; the scores that came are kept", "goes on with the scores in paid.jsonl");
        assertThat(file("scored.jsonl")).doesNotExist();
    }

    private static boolean has(Path file, String words) {
        try {
            return Files.exists(file) && Files.readString(file).contains(words);
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether this test's parent has a signal ignored, as nohup does: then the commands, which inherit that, ignore it too. */
    private static void assumeHeard(String signal) throws IOException {
        int number = List.of("HUP", "INT").indexOf(signal) + 1;
        String ignored = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("SigIgn:")).findFirst().orElse("SigIgn: 0").replaceAll(".*\\s", "");
        assumeTrue(number == 0 || (Long.parseUnsignedLong(ignored, 16) & 1L << number - 1) == 0, "this test's parent has SIG" + signal + " ignored");
    }
}
