package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Json;

/** The files of examples/rewards work as they stand. */
class RewardExamplesTest extends CommandTest {
    private static final Path EXAMPLES = Path.of("examples/rewards");

    private String data() throws IOException {
        return write("data.jsonl", "{\"prompt\": \"p\", \"chosen\": \"Thank you.\", \"rejected\": \"No.\"}\n").toString();
    }

    private void assertScores() {
        assertThat(Json.parse(out.strip(), "out").path("score_chosen").asDouble()).isEqualTo(0.99);
        assertThat(Json.parse(out.strip(), "out").path("score_rejected").asDouble()).isEqualTo(-0.003);
    }

    private static boolean hasPython() {
        return Stream.of(System.getenv("PATH").split(":")).anyMatch(folder -> Files.isExecutable(Path.of(folder, "python3")));
    }

    @Test
    void everyConfigurationIsGood() throws IOException {
        try (Stream<Path> files = Files.list(EXAMPLES)) {
            List<Path> configs = files.filter(file -> file.toString().endsWith(".yaml")).toList();
            assertThat(configs).hasSize(4);
            configs.forEach(file -> RunConfig.load(file, List.of()));
        }
    }

    @Test
    void theClassScores() throws IOException {
        Path classes = Files.createDirectories(temp.resolve("classes"));
        int status = ToolProvider.getSystemJavaCompiler().run(
                null, null, null, "-proc:none", "-cp", System.getProperty("java.class.path"), "-d", classes.toString(),
                EXAMPLES.resolve("PoliteReward.java").toString());
        assertThat(status).isZero();
        assertThat(run("reward", "--config", EXAMPLES.resolve("class.yaml").toString(), "--reward", "class_path=" + classes, "--data", data())).as(err).isZero();
        assertScores();
    }

    @Test
    void theCommandScores() throws IOException {
        assumeTrue(hasPython(), "python3 is not installed");
        assertThat(run("reward", "--config", EXAMPLES.resolve("command.yaml").toString(), "--data", data())).as(err).isZero();
        assertScores();
    }

    @Test
    void theServerScores() throws IOException {
        assumeTrue(hasPython(), "python3 is not installed");
        // Port 0 lets the system choose, and the server says which.
        Process server = new ProcessBuilder("python3", EXAMPLES.resolve("reward_server.py").toString(), "0").start();
        try (BufferedReader said = new BufferedReader(new InputStreamReader(server.getErrorStream(), StandardCharsets.UTF_8))) {
            String line = said.readLine();
            String address = line.substring(line.indexOf("http://"));
            assertThat(run("reward", "--reward", "url=" + address + "/score", "--data", data())).as(err).isZero();
            assertScores();
        } finally {
            server.destroyForcibly();
        }
    }
}
