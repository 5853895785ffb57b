package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.reward.FakeService;

/** Sources of rewards from the command line: exit statuses, stops, and where secrets must not appear. */
class RewardCommandTest extends CommandTest {
    private static final String SECRET = "s3cret-Value-77";

    private String data() throws IOException {
        return write("data.jsonl", "{\"prompt\": \"p\", \"chosen\": \"good\", \"rejected\": \"bad one\"}\n"
                + "{\"prompt\": \"q\", \"chosen\": \"yes\", \"rejected\": \"no\"}\n").toString();
    }

    @Test
    void eachSourceScoresAndItsFailuresHaveTheirStatus() throws IOException {
        String data = data();
        String cache = temp.resolve("cache.jsonl").toString();
        try (FakeService service = new FakeService(FakeService::well)) {
            for (int i = 0; i < 2; i++) {
                assertThat(run("reward", "--reward", "url=" + service.url(), "--cache", cache, "--data", data)).as(err).isZero();
                assertThat(out.lines()).hasSize(2);
                assertThat(Json.parse(out.lines().toList().get(1), "out").path("score_rejected").asDouble()).isEqualTo(FakeService.reward("no"));
            }
            assertThat(service.requests()).isEqualTo(1);
            assertThat(err).contains("4 scores wanted; paid so far: 4 scores in 1 calls, 0 of them failed, 10 tokens read and 1 written");
            service.behave((exchange, body, number) -> FakeService.send(exchange, 500, "down"));
            assertFails(1, "answered status 500: \"down\"", "reward", "--reward", "url=" + service.url(), "--reward", "retries=0", "--data", data);
            service.behave((exchange, body, number) -> FakeService.send(exchange, 200, "<html>hello</html>"));
            assertFails(3, "answered HTML", "reward", "--reward", "url=" + service.url(), "--data", data);
        }
        assertThat(run("reward", "--reward", "class=org.metaapo.reward.LengthReward", "--data", data)).as(err).isZero();
        assertThat(Json.parse(out.lines().toList().get(0), "out").path("score_rejected").asDouble()).isEqualTo(7);
        assertThat(run("reward", "--reward", "path=" + fixture("tiny-rm"), "--data", data, "--quiet")).as(err).isZero();
        assertFails(2, "no source of rewards is given", "reward", "--data", data);
        assertFails(2, "a local model has none to keep", "reward", "--model", fixture("tiny-rm"), "--cache", cache, "--data", data);
        assertFails(2, "reward.path and reward.class are set", "reward", "--model", fixture("tiny-rm"), "--reward", "class=a.B", "--data", data);
        assertFails(2, "there is no class a.B", "reward", "--reward", "class=a.B", "--data", data);
        assertFails(2, "did you mean reward.url?", "reward", "--reward", "ulr=x", "--data", data);
        assertFails(2, "MISSING_TOKEN_FOR_TEST, named by reward.token_env, is not set",
                "reward", "--reward", "url=http://localhost:1", "--reward", "token_env=MISSING_TOKEN_FOR_TEST", "--data", data);
        assertFails(3, "recipe reward-model makes one", "reward", "--model", fixture("tiny-llama"), "--data", data);
        assertFails(1, "ended with status 1 before it replied", "reward", "--reward", "command=[sh, -c, 'exit 1']", "--data", data);
    }

    private Process start(Path log, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(Arrays.asList(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        builder.environment().put("REWARD_TOKEN", SECRET);
        return builder.start();
    }

    @Test
    void secretsAppearNowhereAndAStopIsHeardWhileTheServiceHangs() throws Exception {
        Path log = temp.resolve("log");
        CountDownLatch over = new CountDownLatch(1);
        CountDownLatch hanging = new CountDownLatch(1);
        try (FakeService service = new FakeService((exchange, body, number) -> {
            if (number == 1) {
                FakeService.send(exchange, 503, "not with " + SECRET);
            } else if (number < 6) {
                FakeService.well(exchange, body, number);
            } else {
                hanging.countDown();
                await(over);
            }
        })) {
            Path yaml = write("run.yaml", String.join("\n",
                    "recipe: metaapo", "out: " + temp.resolve("run"), "dtype: f32", "threads: 2", "model: {path: " + fixture("tiny-llama") + "}",
                    "reward: {url: '" + service.url() + "', token_env: REWARD_TOKEN, answers_per_request: 2, timeout: 600}",
                    "data: {train: [" + fixture("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                    "rollout: {slice: 4, k: 2, max_new_tokens: 4, decision: all}", "train: {batch: 4}") + "\n");
            Process process = start(log, "train", yaml.toString(), "--debug");
            assertThat(hanging.await(60, TimeUnit.SECONDS)).isTrue();
            Thread.sleep(300);
            long stopped = System.nanoTime();
            process.destroy();
            assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(Duration.ofNanos(System.nanoTime() - stopped)).isLessThan(Duration.ofSeconds(10));
            assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(5);
            assertThat(Files.readString(log)).contains("answered status 503: \"not with ***\"; trying again in");
            over.countDown();
            service.behave((exchange, body, number) -> FakeService.send(exchange, 401, "bad token " + SECRET));
            Process refused = start(temp.resolve("refused"), "train", yaml.toString(), "--debug");
            assertThat(refused.waitFor(60, TimeUnit.SECONDS)).isTrue();
            assertThat(refused.exitValue()).isEqualTo(1);
            assertThat(Files.readString(temp.resolve("refused"))).contains("bad token ***\"; is the token in REWARD_TOKEN right?");
            service.behave(FakeService::well);
            Process finished = start(temp.resolve("finished"), "train", yaml.toString(), "--debug");
            assertThat(finished.waitFor(120, TimeUnit.SECONDS)).isTrue();
            assertThat(finished.exitValue()).as(Files.readString(temp.resolve("finished"))).isZero();
            assertThat(service.authorizations).containsOnly("Bearer " + SECRET);
        } finally {
            over.countDown();
        }
        assertThat(temp.resolve("run/report.html")).exists();
        try (Stream<Path> files = Files.walk(temp)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)).as(file.toString()).doesNotContain(SECRET);
            }
        }
    }

    private static void await(CountDownLatch over) {
        try {
            over.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void anAnswerThatTheModelCannotReadHasANullScoreAndIsCounted() throws IOException {
        Path folder = Files.createDirectory(temp.resolve("few-positions"));
        try (var files = Files.list(Fixtures.path("tiny-rm"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"max_position_embeddings\": 1024", "\"max_position_embeddings\": 10"));
        String[] command = {"reward", "--model", folder.toString(), "--data", fixture("pairs.jsonl"), "--dtype", "f32", "--threads", "1"};
        assertThat(run(command)).as(err).isZero();
        assertThat(err).contains("answers whose conversation is longer than the reward model reads: 16 (reward.overlong=drop); without a score: 16");
        assertThat(out.lines()).hasSize(8).allMatch(line -> line.contains("\"score_chosen\":null,\"score_rejected\":null"));
        String[] stopped = Arrays.copyOf(command, command.length + 2);
        stopped[command.length] = "--reward";
        stopped[command.length + 1] = "overlong=stop";
        assertThat(run(stopped)).isEqualTo(3);
        assertThat(err).contains("the reward model reads up to 10; reward.overlong=drop leaves such answers out");
    }
}
