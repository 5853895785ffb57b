package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Commands as several processes of mpirun. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RanksCommandTest {
    private static final long SECONDS = 120;
    private static final String COMMON = " --dtype f32 --threads 1 --quiet ";
    private static final String MPIRUN = "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -q --bind-to none --oversubscribe ";

    private Shell shell;

    @BeforeAll
    void build(@TempDir Path folder) throws Exception {
        boolean isThere = Arrays.stream(System.getenv("PATH").split(":")).anyMatch(place -> Files.isExecutable(Path.of(place, "mpirun")));
        assumeTrue(isThere, "mpirun is not there");
        shell = Shell.in(folder);
        Files.writeString(shell.work().resolve("run.yaml"), "recipe: dpo\ndtype: f32\nthreads: 1\nmodel: {path: " + Fixtures.path("tiny-llama")
                + "}\ndata: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}\n"
                + "optimizer: {learning_rate: 1e-4}\ntrain: {batch: 4}\n");
    }

    private Path file(String name) {
        return shell.work().resolve(name);
    }

    private Shell.Result run(String script) throws IOException, InterruptedException {
        return shell.run(script);
    }

    private void assertOneLine(Shell.Result result, int status, String words) {
        assertThat(result.status()).as(result.err()).isEqualTo(status);
        assertThat(result.err()).startsWith("metaapo: ").contains(words);
        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.out()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "score --model $F/tiny-llama --data $F/pairs.jsonl, 3",
        "reward --model $F/tiny-rm --data $F/pairs.jsonl, 2", "generate --model $F/tiny-llama --data $F/pairs.jsonl --k 2 --max-new-tokens 5, 2",
    })
    void linesAreThoseOfOneProcess(String command, int ranks) throws Exception {
        Shell.Result alone = run("metaapo " + command + COMMON);
        Shell.Result together = run("metaapo " + command + COMMON + "--ranks " + ranks);
        assertThat(together.status()).as(together.err()).isZero();
        assertThat(together.err()).isEmpty();
        assertThat(together.out()).isEqualTo(alone.out()).isNotEmpty();
    }

    private void trainAlone() throws Exception {
        if (!Files.exists(file("one"))) {
            assertThat(run("metaapo train run.yaml --quiet train.epochs=3 out=one").status()).isZero();
        }
    }

    @Test
    void trainingIsThatOfOneProcess() throws Exception {
        trainAlone();
        Shell.Result together = run("metaapo train run.yaml --ranks 3 train.epochs=3 out=three");
        assertThat(together.status()).as(together.err()).isZero();
        // One of them tells of it.
        assertThat(together.err().lines().filter(line -> line.startsWith("model: "))).hasSize(1);
        assertSteps("three", "one", 6);
        assertThat(file("three/model/model.safetensors")).exists();
        assertThat(file("three/report.html")).exists();
    }

    private void assertSteps(String found, String expected, int count) throws IOException {
        List<JsonNode> steps = steps(found);
        List<JsonNode> others = steps(expected);
        assertThat(steps).hasSameSizeAs(others).hasSize(count);
        for (int i = 0; i < steps.size(); i++) {
            for (String field : List.of("loss", "grad_norm", "rewards_margin", "logps_chosen")) {
                double value = others.get(i).get(field).asDouble();
                assertThat(steps.get(i).get(field).asDouble()).as(field + " of step " + (i + 1)).isCloseTo(value, within(1e-5 * Math.max(1, Math.abs(value))));
            }
            assertThat(steps.get(i).get("tokens")).isEqualTo(others.get(i).get("tokens"));
        }
    }

    private List<JsonNode> steps(String run) throws IOException {
        return Files.readAllLines(file(run + "/metrics.jsonl")).stream().map(line -> Json.parse(line, "a step")).filter(line -> line.has("loss")).toList();
    }

    /** Whose findings are on standard output. */
    @Test
    @DisplayName("open-mpi#10158, ucx#4870: processes of the user's own mpirun join by themselves, and -Xcheck:jni finds nothing")
    void processesOfMpirunJoinByThemselves() throws Exception {
        trainAlone();
        Shell.Result result = shell.run(MPIRUN + "-n 2 \"$LAUNCHER\" train run.yaml --quiet train.epochs=3 out=own", Map.of("JAVA_TOOL_OPTIONS", "-Xcheck:jni"));
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.err().lines().filter(line -> !line.startsWith("Picked up JAVA_TOOL_OPTIONS"))).isEmpty();
        assertThat(misuse(result.out())).isEmpty();
        assertSteps("own", "one", 6);
    }

    /** What JNA and JavaCPP's loader are known for left out, as in run-all.sh. */
    private static List<String> misuse(String out) {
        List<String> found = new ArrayList<>();
        String warning = null;
        for (String line : out.lines().toList()) {
            if (line.contains("FATAL ERROR in native method")) {
                found.add(line);
            } else if (line.contains("WARNING in native method")) {
                warning = line;
            } else if (warning != null && line.startsWith("\tat ")) {
                if (!line.contains("com.sun.jna.") && !line.contains("NativeLibraries.load")) {
                    found.add(warning + line);
                }
                warning = null;
            }
        }
        return found;
    }

    @Test
    @DisplayName("Lightning#20806: ranks that are stopped keep a checkpoint; killed ones are gone in seconds; the same command goes on to the same bits")
    void ranksThatAreStoppedOrKilledGoOn() throws Exception {
        String command = "train run.yaml --quiet --ranks 2 checkpoint.every=3 train.epochs=40 out=";
        assertThat(run("metaapo " + command + "whole").status()).isZero();
        kill(startUpTo(command + "run", 4), 0);
        kill(startUpTo(command + "run", 14), 1);
        stop(startUpTo(command + "run", 28), "TERM");
        stop(startUpTo(command + "run", 42), "USR1");
        assertThat(run("metaapo " + command + "run").status()).isZero();
        assertThat(file("run/model/model.safetensors")).hasSameBinaryContentAs(file("whole/model/model.safetensors"));
    }

    private Process startUpTo(String command, int step) throws Exception {
        Process process = start(command);
        await(process, () -> has(file(command.substring(command.indexOf("out=") + 4) + "/metrics.jsonl"), "\"step\":" + step + ","));
        return process;
    }

    private void kill(Process process, int rank) throws Exception {
        List<ProcessHandle> all = process.descendants().toList();
        ProcessHandle killed = all.stream().filter(one -> hasRank(one, rank)).findFirst().orElseThrow();
        killed.destroyForcibly();
        awaitEnd(all, 5);
        assertThat(end(process)).isEqualTo(1);
        assertThat(log().lines()).singleElement().asString().startsWith("metaapo: a rank, or mpirun, was ended by signal 9");
    }

    private void stop(Process process, String signal) throws Exception {
        new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
        assertThat(end(process)).as(log()).isEqualTo(5);
        assertThat(log().lines()).hasSize(2).first().asString().contains("stopping after this step");
        assertThat(log()).contains("the same command goes on from here");
    }

    @Test
    @DisplayName("a rank that hangs in a step: those that wait for it say so in a line, and all are gone")
    void aRankThatHangsEndsAll() throws Exception {
        Process process = start("train run.yaml --quiet --ranks 3 ranks.timeout=2 train.epochs=9 objective.name=java 'objective.class=org.metaapo.train.TroubledLoss$Hangs' out=hangs");
        await(process, () -> has(file("hangs/metrics.jsonl"), "\"step\":1,"));
        List<ProcessHandle> all = process.descendants().toList();
        assertThat(all).hasSizeGreaterThan(3);
        assertThat(end(process)).as(log()).isEqualTo(4);
        awaitEnd(all, 5);
        assertThat(log().lines()).singleElement().asString()
                .matches("metaapo: rank [02] of 3: waited for 2[0-9.]* s in a step for rank 1, at a gather of [0-9]+ bytes; see what hangs there, or give a longer ranks.timeout");
    }

    private static void awaitEnd(List<ProcessHandle> all, int seconds) throws InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (all.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < until) {
            Thread.sleep(20);
        }
        assertThat(all).noneMatch(ProcessHandle::isAlive);
    }

    private static boolean hasRank(ProcessHandle process, int rank) {
        try {
            return Arrays.asList(Files.readString(Path.of("/proc/" + process.pid() + "/environ")).split("\0")).contains("OMPI_COMM_WORLD_RANK=" + rank);
        } catch (IOException e) {
            return false;
        }
    }

    /** Its ranks are told of a stop: none goes on without anybody who could end it. */
    @Test
    void ranksEndWhereTheCommandIsKilled() throws Exception {
        Process process = start("train run.yaml --quiet --ranks 2 train.epochs=4000 out=orphans");
        await(process, () -> has(file("orphans/metrics.jsonl"), "\"step\":3"));
        List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly().waitFor();
        assertThat(all).hasSizeGreaterThan(2);
        awaitEnd(all, 20);
        assertThat(file("orphans/checkpoints")).isNotEmptyDirectory();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "train run.yaml --ranks 0 out=x | 2 | --ranks is 0; expected 1 or more",
        "train run.yaml --ranks 2 out=x model.path=nowhere | 3 | nowhere",
        "train run.yaml --ranks 2 out=x data.train=[nowhere.jsonl] | 3 | nowhere.jsonl",
        "train - --ranks 2 | 2 | the configuration is -",
        "score --ranks 2 --model $F/tiny-llama --data - | 2 | --data is -, standard input",
        "reward --ranks 2 --config - --data $F/pairs.jsonl | 2 | --config is -, standard input",
        "train run.yaml --hosts hosts out=x | 3 | hosts: cannot be read",
    })
    void badUseIsOneLine(String command, int status, String words) throws Exception {
        assertOneLine(run("metaapo " + command), status, words);
        assertThat(file("x")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "-n 2 \"$LAUNCHER\" train run.yaml --ranks 3 out=x | 2 | --ranks is 3, and mpirun has started 2",
        "-n 2 \"$LAUNCHER\" train run.yaml --wrong out=x | 2 | unknown option --wrong",
        "-n 2 \"$LAUNCHER\" train nowhere.yaml out=x | 2 | nowhere.yaml",
        "-n 2 \"$LAUNCHER\" merge --model $F/tiny-llama --adapter x --out x | 2 | merge is done by one process, and mpirun has started 2",
        "-n 1 \"$LAUNCHER\" train run.yaml --quiet out=x : -n 1 \"$LAUNCHER\" train run.yaml --quiet out=x train.batch=8 | 2 | train.batch is 4 on rank 0, 8 on rank 1",
        "-n 1 \"$LAUNCHER\" train run.yaml --quiet out=x : -n 1 \"$LAUNCHER\" train run.yaml --quiet out=x model.path=nowhere | 3 | nowhere",
    })
    void ranksThatAreNotStartedAlikeAreOneLine(String command, int status, String words) throws Exception {
        assertOneLine(run(MPIRUN + command), status, words);
        assertThat(file("x/model")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 | 4 | has started 2 processes, and Open MPI",
        "SLURM_STEP_NUM_TASKS=2 | 2 | give srun --mpi=pmix",
        "PMI_SIZE=2 | 2 | the launcher of another MPI has started 2 processes",
    })
    void processesThatCannotFindEachOtherAreRefused(String environment, int status, String words) throws Exception {
        assertOneLine(run("export " + environment + "; metaapo train run.yaml --quiet out=x"), status, words);
        assertThat(file("x")).doesNotExist();
    }

    /** Of another MPI, as its mpirun says, or none. */
    @Test
    void mpirunIsOpenMpis() throws Exception {
        tool("other/mpirun", "echo 'HYDRA build details:'");
        assertOneLine(run("PATH=\"$PWD/other:$PATH\"; metaapo train run.yaml --ranks 2 out=x"), 4, "is of another MPI (HYDRA build details:), and metaapo was built with Open MPI");
        tool("none/keep", "");
        for (String program : List.of("bash", "env", "dirname", "readlink", "locale", "sed", "find", "ldconfig", "touch")) {
            Path there = Arrays.stream(System.getenv("PATH").split(":")).map(place -> Path.of(place, program)).filter(Files::exists).findFirst().orElse(null);
            if (there != null) {
                Files.createSymbolicLink(file("none/" + program), there);
            }
        }
        assertOneLine(run("PATH=\"$PWD/none\"; metaapo train run.yaml --ranks 2 out=x"), 4, "there is no mpirun on the PATH");
    }

    @Test
    void hostsAreLookedAtBeforeAnythingStarts() throws Exception {
        tool("ssh-none/ssh", "echo 'ssh: connect to host lost port 22: No route to host'; exit 255");
        Files.writeString(file("lost"), "# machines\nlost slots=2\n");
        assertOneLine(run("PATH=\"$PWD/ssh-none:$PATH\"; metaapo train run.yaml --hosts lost out=x"), 4, "lost: host lost does not answer: ssh: connect to host lost port 22: No route");
        Files.writeString(file("few"), "localhost slots=2\n");
        assertOneLine(run("metaapo train run.yaml --hosts few --ranks 3 out=x"), 2, "--ranks is 3, and few has 2 slots");
        Files.writeString(file("odd"), "localhost slots=2\nnode2\n");
        assertOneLine(run("metaapo train run.yaml --hosts odd out=x"), 2, "odd: line 2 is \"node2\"; expected NAME slots=N");
        Shell.Result both = run("metaapo score --model $F/tiny-llama --data $F/pairs.jsonl --hosts few" + COMMON);
        assertThat(both.status()).as(both.err()).isZero();
        assertThat(both.out().lines()).hasSize(8);
    }

    @Test
    void infoNamesTheMpi() throws Exception {
        assertThat(run("metaapo info").out()).containsPattern("MPI +Open MPI v[0-9.]+; mpirun \\(Open MPI\\) [0-9.]+, /.*mpirun");
    }

    private void tool(String name, String script) throws IOException {
        Files.createDirectories(file(name).getParent());
        Files.writeString(file(name), "#!/bin/sh\n" + script + "\n");
        assertThat(file(name).toFile().setExecutable(true)).isTrue();
    }

    private Process start(String command) throws IOException {
        return shell.bash("exec \"$LAUNCHER\" " + command, Map.of()).redirectErrorStream(true).redirectOutput(file("log").toFile()).start();
    }

    private String log() throws IOException {
        return Files.readString(file("log"));
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

    private static boolean has(Path file, String words) {
        try {
            return Files.exists(file) && Files.readString(file).contains(words);
        } catch (IOException e) {
            return false;
        }
    }
}
