package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;

/** What the worlds' data are, counted in the files that the runs read. */
class WorldTermsTest {
    private static final Set<String> TRAINING = Set.of("demonstrations", "judgements", "pairs");
    private static final int SEED = 11;

    @TempDir
    Path temp;

    private static DemoWorld written(Path folder, WorldTerms terms, long seed) {
        DemoWorld world = new DemoWorld(folder, terms, seed, "cpu", 1);
        world.writeFiles();
        return world;
    }

    private static List<JsonNode> rows(DemoWorld world, String name) throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        for (String line : Files.readAllLines(world.path("data").resolve(name + ".jsonl"))) {
            rows.add(Json.parse(line, name, rows.size() + 1));
        }
        return rows;
    }

    private static String prompt(JsonNode row) {
        return row.has("prompt") ? row.at("/prompt/0/content").asText() : row.at("/messages/0/content").asText();
    }

    private static String answer(JsonNode row, String field) {
        return row.at("/" + field + "/0/content").asText();
    }

    /** Requests by their text, as the world draws them. */
    private static Map<String, Request> requests(WorldTerms terms) {
        return new World(terms, SEED).requests(terms.demonstrations() + terms.judgements() + terms.pairs() + 400).stream()
                .collect(Collectors.toMap(Request::text, request -> request, (one, same) -> one, HashMap::new));
    }

    private static double share(List<JsonNode> rows, java.util.function.Predicate<JsonNode> condition) {
        return rows.stream().filter(condition).count() / (double) rows.size();
    }

    private static String digest(DemoWorld world, String name) throws IOException {
        return Digests.sha256(Files.readAllBytes(world.path("data").resolve(name + ".jsonl")));
    }

    @Test
    void theDemosWorldIsWhatItWasWhenItWasMeasured() throws IOException {
        DemoWorld world = written(temp, WorldTerms.DEMO, 3);
        assertThat(digest(world, "demonstrations")).startsWith("008e97259c969f71");
        assertThat(digest(world, "judgements")).startsWith("484c01936587306c");
        assertThat(digest(world, "pairs")).startsWith("213adb90a68caac2");
        assertThat(digest(world, "held-out")).startsWith("539099391dd7b065");
        assertThat(digest(world, "validation")).startsWith("109c1367e3469080");
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "paper"})
    void everythingFollowsFromTheSeed(String name) throws IOException {
        WorldTerms terms = WorldTerms.of(name);
        DemoWorld one = written(temp.resolve("one"), terms, SEED);
        DemoWorld same = written(temp.resolve("same"), terms, SEED);
        DemoWorld other = written(temp.resolve("other"), terms, SEED + 1);
        for (String file : List.of("demonstrations", "judgements", "pairs", "gold-judgements", "held-out", "validation")) {
            assertThat(digest(one, file)).isEqualTo(digest(same, file)).isNotEqualTo(digest(other, file));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "paper"})
    void goldAndHeldOutPromptsReachNoTrainingFile(String name) throws IOException {
        DemoWorld world = written(temp, WorldTerms.of(name), SEED);
        Set<String> fields = new HashSet<>();
        Set<String> trained = new HashSet<>();
        for (String file : TRAINING) {
            for (JsonNode row : rows(world, file)) {
                row.fieldNames().forEachRemaining(fields::add);
                trained.add(prompt(row));
            }
        }
        assertThat(fields).containsExactlyInAnyOrder("messages", "prompt", "chosen", "rejected");
        for (List<Request> held : List.of(world.test(), world.validation())) {
            assertThat(held).hasSize(400).filteredOn(request -> !request.kind().isFew()).noneMatch(request -> trained.contains(request.text()));
        }
        List<RunConfig> configs = List.of(
                RunConfig.load(world.path("sft.yaml"), List.of()), RunConfig.load(world.path("reward.yaml"), List.of()),
                RunConfig.parse("recipe: dpo\nout: x\n" + String.join("\n", world.settings()), "settings", List.of()));
        assertThat(configs.stream().flatMap(config -> config.paths("data.train").stream()).map(path -> path.getFileName().toString()))
                .containsExactly("demonstrations.jsonl", "judgements.jsonl", "pairs.jsonl");
    }

    @Test
    void thePapersPairsAreMostlyRightNoisyAndInMannersOfTheirOwn() throws IOException {
        WorldTerms terms = WorldTerms.PAPER;
        DemoWorld world = written(temp, terms, SEED);
        Map<String, Request> requests = requests(terms);
        World view = new World(terms, 0);
        List<JsonNode> pairs = rows(world, "pairs");
        assertThat(pairs).hasSize(terms.pairs());
        // By the sources' own view of what is right, a quarter of the labels is turned around.
        assertThat(share(pairs, row -> {
            Request request = requests.get(prompt(row));
            Request held = new Request(request.kind(), request.text(), view.oldAnswer(request));
            return Gold.reward(held, answer(row, "chosen")) < Gold.reward(held, answer(row, "rejected"));
        })).isCloseTo(terms.offlineNoise(), within(0.03));
        List<JsonNode> fresh = pairs.stream().filter(row -> !terms.stale().contains(requests.get(prompt(row)).kind())).toList();
        List<JsonNode> stale = pairs.stream().filter(row -> terms.stale().contains(requests.get(prompt(row)).kind())).toList();
        assertThat(share(fresh, row -> better(requests, row))).isBetween(0.7, 0.8);
        assertThat(share(stale, row -> better(requests, row))).isBetween(0.2, 0.4);
        assertThat(share(pairs, row -> answer(row, "chosen").startsWith(World.OLD_OPENER))).isBetween(0.6, 0.75);
        assertThat(share(rows(world, "demonstrations"), row -> row.at("/messages/1/content").asText().startsWith(World.OLD_OPENER)))
                .isCloseTo(terms.peopleOld(), within(0.01));
    }

    private static boolean better(Map<String, Request> requests, JsonNode row) {
        Request request = requests.get(prompt(row));
        return Gold.reward(request, answer(row, "chosen")) > Gold.reward(request, answer(row, "rejected"));
    }

    @Test
    void theKindsHaveTheirSharesAndPeopleAlmostNeverKnowTheUnknown() throws IOException {
        WorldTerms terms = WorldTerms.PAPER;
        DemoWorld world = written(temp, terms, SEED);
        Map<String, Request> requests = requests(terms);
        Map<Request.Kind, Integer> counts = new EnumMap<>(Request.Kind.class);
        rows(world, "pairs").forEach(row -> counts.merge(requests.get(prompt(row)).kind(), 1, Integer::sum));
        counts.forEach((kind, count) -> assertThat(count / (double) terms.pairs())
                .isCloseTo(terms.kinds().stream().filter(kind::equals).count() / (double) terms.kinds().size(), within(0.05)));
        List<JsonNode> unknown = rows(world, "demonstrations").stream()
                .filter(row -> terms.unknown().contains(requests.get(prompt(row)).kind())).toList();
        assertThat(share(unknown, row -> (" " + row.at("/messages/1/content").asText() + " ")
                .contains(" " + requests.get(prompt(row)).answer().get(0) + " "))).isLessThan(0.05);
        List<JsonNode> taught = rows(world, "pairs").stream()
                .filter(row -> terms.unknown().contains(requests.get(prompt(row)).kind())).toList();
        assertThat(share(taught, row -> better(requests, row))).isGreaterThan(0.65);
    }

    /** What no reward model that learned of these annotators can be beyond, even from any number of pairs. */
    @Test
    void annotatorsAreCharmedByConfidenceSoThatGoldDisagreesWithSomeOfTheirJudgements() throws IOException {
        DemoWorld world = written(temp, WorldTerms.PAPER, SEED);
        Map<String, Request> requests = world.validation().stream()
                .collect(Collectors.toMap(Request::text, request -> request, (one, same) -> one, HashMap::new));
        List<JsonNode> pairs = rows(world, "gold-judgements");
        assertThat(pairs).hasSizeGreaterThan(1000).allMatch(row -> better(requests, row));
        assertThat(share(pairs, row -> {
            Request request = requests.get(prompt(row));
            double charm = WorldTerms.PAPER.charm();
            return Gold.asJudged(request, answer(row, "chosen"), charm) > Gold.asJudged(request, answer(row, "rejected"), charm);
        })).isBetween(0.85, 0.92);
        Request request = new Request(Request.Kind.LAST, "which is last : cat dog", List.of("dog"));
        assertThat(Gold.asJudged(request, "obviously , cat", 0.6)).isCloseTo(0.1, within(1e-12));
        assertThat(Gold.asJudged(request, "sure , dog hope that helps", 0.6)).isEqualTo(2.5);
    }
}
