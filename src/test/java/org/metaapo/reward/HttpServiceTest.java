package org.metaapo.reward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Prompt;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.http.HttpSender;
import org.metaapo.text.Answer;

/** A reward service over HTTP, behaving and not. */
class HttpServiceTest {
    private static final String SECRET = "s3cret-Value-77";
    private static final List<Prompt> PROMPTS = List.of(new Prompt("one"), new Prompt("two"), new Prompt("three"));
    private static final List<List<String>> ANSWERS = List.of(List.of("a", "b"), List.of("c"), List.of("d", "e", "d"));

    @TempDir
    Path temp;

    private final List<String> notes = new ArrayList<>();

    private final Watch watch = new Watch() {
        @Override
        public void progress(long done) {}

        @Override
        public void note(String line) {
            notes.add(line);
        }
    };

    private static Annotator open(FakeService service, Path cache, String... options) {
        List<String> all = new ArrayList<>(List.of("reward.url=" + service.url(), "reward.token_env=TEST_TOKEN", "reward.timeout=5"));
        all.addAll(Arrays.asList(options));
        return RewardSource.of(RunConfig.reward(all), Map.of("TEST_TOKEN", SECRET)).open(null, null, 1, cache);
    }

    private List<double[]> score(FakeService service, String... options) {
        try (Annotator annotator = open(service, null, options)) {
            return annotator.score(PROMPTS, Answers.of(ANSWERS), watch);
        }
    }

    private static void assertRight(List<double[]> scores) {
        for (int i = 0; i < ANSWERS.size(); i++) {
            assertThat(scores.get(i)).containsExactly(ANSWERS.get(i).stream().mapToDouble(FakeService::reward).toArray());
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "2,3", "16,4"})
    void scoresComeBackInOrderWhateverTheBatchesAndTheServicesOrder(int batch, int parallel) throws IOException {
        try (FakeService service = new FakeService(FakeService::well)) {
            assertRight(score(service, "reward.answers_per_request=" + batch, "reward.parallel=" + parallel));
            assertThat(service.asked()).as("each once, the repeated answer too").hasSize(5).doesNotHaveDuplicates();
            assertThat(service.requests()).isEqualTo((5 + batch - 1) / batch);
            assertThat(service.authorizations).containsOnly("Bearer " + SECRET);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 503, 429, 408})
    void aServiceThatStumblesIsAskedAgain(int status) throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> {
            if (number == 0) {
                FakeService.send(exchange, status, "busy " + SECRET);
            } else {
                FakeService.well(exchange, body, number);
            }
        });
                Annotator annotator = open(service, null, "reward.parallel=1")) {
            assertRight(annotator.score(PROMPTS, Answers.of(ANSWERS), watch));
            assertThat(annotator.costs()).isEqualTo(new AnnotationCosts(2, 1, 10, 1, 5, 6));
            assertThat(notes).hasSize(1);
            assertThat(notes.get(0)).contains("answered status " + status + ": \"busy ***\"; trying again in", "(1 of 5)").doesNotContain(SECRET);
        }
    }

    @Test
    void retryAfterIsHonoured() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> {
            if (number == 0) {
                exchange.getResponseHeaders().set("Retry-After", "2");
                FakeService.send(exchange, 429, "");
            } else {
                FakeService.well(exchange, body, number);
            }
        })) {
            long start = System.nanoTime();
            assertRight(score(service));
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofSeconds(2));
        }
        String date = DateTimeFormatter.RFC_1123_DATE_TIME.format(Instant.now().plusSeconds(100).atZone(ZoneOffset.UTC));
        assertThat(HttpSender.retryAfter(date)).isBetween(97_000L, 100_000L);
        assertThat(HttpSender.retryAfter("soon")).isZero();
        try (FakeService service = new FakeService((exchange, body, number) -> {
            exchange.getResponseHeaders().set("Retry-After", "3600");
            FakeService.send(exchange, 503, "");
        })) {
            assertThatThrownBy(() -> score(service)).isInstanceOf(RunFailedException.class).hasMessageContaining("asks to come back in 3600 s");
            assertThat(service.requests()).isEqualTo(1);
        }
    }

    @Test
    void statusesThatDoNotPassAreToldAtOnce() throws IOException {
        for (int status : new int[] {301, 400, 401, 404, 413, 422}) {
            try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, status, "no " + SECRET + " here"))) {
                assertThatThrownBy(() -> score(service))
                        .isInstanceOf(RunFailedException.class)
                        .hasMessageContaining("answered status " + status + ": \"no *** here\"")
                        .hasMessageNotContaining(SECRET);
                assertThat(service.requests()).isEqualTo(1);
            }
        }
    }

    @Test
    void aServiceThatStaysDownFailsAfterItsRetries() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 500, "<html>oops</html>"))) {
            assertThatThrownBy(() -> score(service, "reward.retries=1"))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("answered status 500")
                    .hasMessageContaining("(tried 2 times)");
            assertThat(service.requests()).isEqualTo(2);
        }
        String url;
        try (FakeService service = new FakeService(FakeService::well)) {
            url = service.url();
        }
        RewardSource nobody = RewardSource.of(RunConfig.reward(List.of("reward.url=" + url, "reward.retries=0")));
        try (Annotator annotator = nobody.open(null, null, 1, null)) {
            assertThatThrownBy(() -> annotator.score(PROMPTS, Answers.of(ANSWERS), watch))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("cannot be reached")
                    .hasMessageContaining("(tried once)");
        }
    }

    /** Replies with status 200 that are not what was asked for; %s stands for the right scores of the second and third item. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "<html><body>Welcome</body></html> | answered HTML or XML",
        "'' | expected JSON, found nothing",
        "oops | not valid JSON",
        "[] | expected an object with a list of items, found a list of 0",
        "{} | found items: nothing",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2]}, %s]} extra | not valid JSON",
        "{\"items\": [%s]} | item \"0\" (prompt \"one\") is missing; expected all 3 items",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1]}, %s]} | item \"0\" (prompt \"one\"): expected 2 scores, found a list of 1",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2, 3]}, %s]} | expected 2 scores, found a list of 3",
        "{\"items\": [{\"id\": \"0\", \"scores\": 1}, %s]} | expected 2 scores, found number 1",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, NaN]}, %s]} | not valid JSON",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, \"NaN\"]}, %s]} | a score is text \"NaN\"; expected a finite number",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, null]}, %s]} | a score is null",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 1e999]}, %s]} | a score is number",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, true]}, %s]} | a score is true",
        "{\"items\": [{\"id\": 0, \"scores\": [1, 2]}, %s]} | an item has the id number 0",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2]}, {\"id\": \"0\", \"scores\": [1, 2]}, %s]} | item \"0\" is there twice",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2]}, {\"id\": \"3\", \"scores\": [1]}, %s]} | an item has the id text \"3\"",
        "{\"items\": [{\"id\": \"0\", \"scores\": [1, 2], \"scores\": [3, 4]}, %s]} | is given twice",
    })
    void aReplyThatIsNotWhatWasAskedForIsRefused(String reply, String words) throws IOException {
        String rest = "{\"id\": \"1\", \"scores\": [1]}, {\"id\": \"2\", \"scores\": [1, 2]}";
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, reply.replace("%s", rest)))) {
            assertThatThrownBy(() -> score(service))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("reward service " + service.url())
                    .hasMessageContaining(words)
                    .satisfies(failure -> assertThat(failure.getMessage().lines()).hasSize(1));
            assertThat(service.requests()).as("a wrong reply is not asked for again").isEqualTo(1);
        }
    }

    @Test
    void aReplyThatIsNoUtf8OrHoldsTheTokenIsRefusedWithoutShowingIt() throws IOException {
        try (FakeService service = new FakeService((exchange, body, number) -> {
            exchange.sendResponseHeaders(200, 3);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(new byte[] {'{', (byte) 0xff, '}'});
            }
        })) {
            assertThatThrownBy(() -> score(service)).isInstanceOf(DataException.class).hasMessageContaining("not UTF-8");
        }
        try (FakeService service = new FakeService((exchange, body, number) -> FakeService.send(exchange, 200, "{\"items\": \"" + SECRET + "\"}"))) {
            assertThatThrownBy(() -> score(service)).isInstanceOf(DataException.class).hasMessageContaining("***").hasMessageNotContaining(SECRET);
        }
    }

    @Test
    void aHugeReplyIsCutOff() throws IOException {
        AtomicInteger written = new AtomicInteger();
        try (FakeService service = new FakeService((exchange, body, number) -> {
            exchange.sendResponseHeaders(200, 0);
            byte[] blanks = " ".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
            try (OutputStream out = exchange.getResponseBody()) {
                for (int i = 0; i < 1024; i++) {
                    out.write(blanks);
                    written.incrementAndGet();
                }
            }
        })) {
            assertThatThrownBy(() -> score(service)).isInstanceOf(DataException.class).hasMessageContaining("answered more than 33554432 bytes");
            assertThat(written.get()).isLessThan(200);
        }
    }

    @Test
    void aServiceThatHangsOrTricklesIsLeftAfterTheTimeout() throws IOException {
        CountDownLatch over = new CountDownLatch(1);
        try (FakeService service = new FakeService((exchange, body, number) -> await(over))) {
            assertThatThrownBy(() -> score(service, "reward.timeout=0.2", "reward.retries=1"))
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("no response within 0.2 s (reward.timeout)");
            assertThat(service.requests()).isEqualTo(2);
            service.behave((exchange, body, number) -> {
                exchange.sendResponseHeaders(200, 0);
                exchange.getResponseBody().write('{');
                exchange.getResponseBody().flush();
                await(over);
            });
            assertThatThrownBy(() -> score(service, "reward.timeout=0.3", "reward.retries=0"))
                    .as("headers alone are no response")
                    .isInstanceOf(RunFailedException.class)
                    .hasMessageContaining("no response within 0.3 s");
        } finally {
            over.countDown();
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
    void aStopIsHeardWhileAServiceHangsAndWhileARetryIsWaitedFor() throws IOException {
        CountDownLatch over = new CountDownLatch(1);
        for (FakeService.Behaviour behaviour : List.<FakeService.Behaviour>of((exchange, body, number) -> await(over), (exchange, body, number) -> {
            exchange.getResponseHeaders().set("Retry-After", "100");
            FakeService.send(exchange, 503, "");
        })) {
            try (FakeService service = new FakeService(behaviour);
                    Annotator annotator = open(service, null, "reward.timeout=600")) {
                long start = System.nanoTime();
                assertThatThrownBy(() -> annotator.score(PROMPTS, Answers.of(ANSWERS), done -> {
                    if (System.nanoTime() - start > 300_000_000L) {
                        throw new InterruptedRunException("stopped");
                    }
                })).isInstanceOf(InterruptedRunException.class);
                assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
            }
        }
        over.countDown();
    }

    @Test
    void whatWasPaidBeforeAFailureIsNotPaidAgain() throws IOException {
        Path cache = temp.resolve("rewards.jsonl");
        List<Prompt> prompts = IntStream.range(0, 20).mapToObj(i -> new Prompt("prompt " + i)).toList();
        List<List<Answer>> answers = Answers.of(IntStream.range(0, 20).mapToObj(i -> List.of("x" + i, "y")).toList());
        try (FakeService service = new FakeService((exchange, body, number) -> {
            if (number >= 7) {
                FakeService.send(exchange, 400, "enough");
            } else {
                FakeService.well(exchange, body, number);
            }
        })) {
            try (Annotator annotator = open(service, cache, "reward.answers_per_request=2", "reward.parallel=1")) {
                assertThatThrownBy(() -> annotator.score(prompts, answers, watch)).isInstanceOf(RunFailedException.class);
            }
            int refused = service.bodies.size() - 7;
            service.bodies.subList(7, service.bodies.size()).clear();
            Files.writeString(cache, Files.readString(cache) + "{\"source\":\"torn");
            service.behave(FakeService::well);
            List<double[]> scores;
            try (Annotator annotator = open(service, cache, "reward.answers_per_request=3", "reward.parallel=4")) {
                scores = annotator.score(prompts, answers, watch);
                assertThat(annotator.costs()).isEqualTo(new AnnotationCosts(7 + refused + 9, refused, 160, 16, 40, 40));
            }
            assertThat(scores.get(13)).containsExactly(FakeService.reward("x13"), FakeService.reward("y"));
            assertThat(service.asked()).hasSize(40).doesNotHaveDuplicates();
            service.behave((exchange, body, number) -> FakeService.send(exchange, 500, ""));
            try (Annotator annotator = open(service, cache)) {
                assertThat(annotator.score(prompts, answers, watch)).usingRecursiveComparison().isEqualTo(scores);
            }
        }
        assertThat(Files.readString(cache)).doesNotContain(SECRET).doesNotContain("torn");
    }

    @Test
    void otherSourcesShareNoScores() throws IOException {
        Path cache = temp.resolve("rewards.jsonl");
        try (FakeService first = new FakeService(FakeService::well);
                FakeService second = new FakeService(FakeService::well)) {
            for (FakeService service : List.of(first, second)) {
                try (Annotator annotator = open(service, cache)) {
                    annotator.score(PROMPTS, Answers.of(ANSWERS), watch);
                    assertThat(annotator.costs().calls()).isEqualTo(1);
                }
                assertThat(service.asked()).hasSize(5);
            }
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "reward.url=ftp://host/x | expected http://host:port/path",
        "reward.url=http:// | is not an address",
        "reward.url=nonsense | expected http://host:port/path",
        "reward.url=http://me:hidden@host/x | holds a user name, a password or a key",
        "reward.url=http://host/x?api_key=hidden | holds a user name, a password or a key",
        "reward.url=http://host/x?a=1&Access-Token=hidden | holds a user name, a password or a key",
        "reward.token_env=hf_hidden | is not the name of an environment variable",
        "reward.token_env=MISSING | the environment variable MISSING, named by reward.token_env, is not set",
        "reward.token_env=BLANK | BLANK holds a blank or a character beyond ASCII",
        "reward.token_env=EMPTY | EMPTY, named by reward.token_env, is not set",
    })
    void addressesAndTokensAreCheckedAndSecretsNotRepeated(String option, String words) {
        RunConfig config = RunConfig.reward(List.of("reward.url=http://localhost:1/score", option));
        Map<String, String> environment = Map.of("BLANK", "hid den", "EMPTY", " ");
        assertThatThrownBy(() -> RewardSource.of(config, environment).check())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(words)
                .hasMessageNotContaining("hid");
    }
}
