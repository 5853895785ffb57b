package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.config.RunConfig;
import org.metaapo.data.Prompt;
import org.metaapo.engine.Dtype;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Answer;

/** What the worlds' data are, counted in the files that the runs read. */
class WorldTermsTest {
    private static final String[] TRAINING = {"demonstrations", "judgements", "pairs"};
    private static final int SEED = 11;

    @TempDir
    Path temp;

    private static DemoWorld written(Path folder, WorldTerms terms, long seed) {
        DemoWorld world = new DemoWorld(folder, terms, seed, "cpu", 1);
        world.writeFiles();
        return world;
    }

    private static List<String> files(DemoWorld world, String... names) {
        return List.of(names).stream().filter(name -> Files.exists(world.path("data").resolve(name + ".jsonl"))).toList();
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

    private static RunConfig settings(DemoWorld world) {
        return RunConfig.parse("recipe: online-dpo\nout: x\n" + String.join("\n", world.settings()), "settings", List.of());
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
        for (String file : files(one, "demonstrations", "judgements", "pairs", "gold-judgements", "held-out", "validation")) {
            assertThat(digest(one, file)).isEqualTo(digest(same, file)).isNotEqualTo(digest(other, file));
        }
    }

    /** A start that is shared must be the one that each of the worlds would have made. */
    @ParameterizedTest
    @ValueSource(strings = {"demo", "paper"})
    void whereThePeopleAreTheSameTheDemonstrationsAre(String name) throws IOException {
        WorldTerms terms = WorldTerms.of(name);
        String demonstrations = digest(written(temp.resolve("as it is"), terms, SEED), "demonstrations");
        Set<String> others = new HashSet<>();
        for (String amount : WorldTerms.amounts()) {
            WorldTerms other = terms.with(amount, 0.37);
            if (!other.people().equals(terms.people())) {
                others.add(amount);
            } else {
                assertThat(digest(written(temp.resolve(amount), other, SEED), "demonstrations")).as(amount).isEqualTo(demonstrations);
            }
        }
        assertThat(others).containsExactlyInAnyOrder("people_right", "people_know", "people_old");
        assertThat(WorldTerms.DEMO.people()).isNotEqualTo(WorldTerms.PAPER.people());
    }

    @ParameterizedTest
    @ValueSource(strings = {"demo", "paper"})
    void goldAndHeldOutPromptsReachNoTrainingFile(String name) throws IOException {
        DemoWorld world = written(temp, WorldTerms.of(name), SEED);
        Set<String> fields = new HashSet<>();
        Set<String> trained = new HashSet<>();
        for (String file : files(world, TRAINING)) {
            for (JsonNode row : rows(world, file)) {
                row.fieldNames().forEachRemaining(fields::add);
                trained.add(prompt(row));
            }
        }
        assertThat(fields).containsExactlyInAnyOrder("messages", "prompt", "chosen", "rejected");
        for (List<Request> held : List.of(world.test(), world.validation())) {
            assertThat(held).hasSize(400).filteredOn(request -> !request.kind().isFew()).noneMatch(request -> trained.contains(request.text()));
        }
        List<RunConfig> configs = new ArrayList<>(List.of(settings(world)));
        for (String config : List.of("sft.yaml", "reward.yaml")) {
            if (Files.exists(world.path(config))) {
                configs.add(RunConfig.load(world.path(config), List.of()));
            }
        }
        assertThat(configs.stream().flatMap(config -> config.paths("data.train").stream()).map(path -> path.getFileName().toString().replace(".jsonl", "")))
                .containsExactlyInAnyOrderElementsOf(files(world, TRAINING));
    }

    @Test
    void thePapersPairsAreMostlyRightNoisyAndInMannersOfTheirOwn() throws IOException {
        WorldTerms terms = WorldTerms.PAPER;
        DemoWorld world = written(temp, terms, SEED);
        World view = new World(terms, 0);
        List<JsonNode> pairs = rows(world, "pairs");
        assertThat(pairs).hasSize(terms.pairs());
        // By the sources' own view of what is right, a quarter of the labels is turned around.
        assertThat(share(pairs, row -> {
            Request request = World.request(prompt(row));
            Request held = new Request(request.kind(), request.text(), view.oldAnswer(request));
            return Gold.reward(held, answer(row, "chosen")) < Gold.reward(held, answer(row, "rejected"));
        })).isCloseTo(terms.offlineNoise(), within(0.03));
        List<JsonNode> fresh = pairs.stream().filter(row -> !terms.stale().contains(World.request(prompt(row)).kind())).toList();
        List<JsonNode> stale = pairs.stream().filter(row -> terms.stale().contains(World.request(prompt(row)).kind())).toList();
        assertThat(share(fresh, row -> better(row))).isBetween(0.7, 0.8);
        assertThat(share(stale, row -> better(row))).isBetween(0.2, 0.35);
        assertThat(share(pairs, row -> answer(row, "chosen").startsWith(World.OLD_OPENER))).isBetween(0.8 * terms.sourceOld(), 1.1 * terms.sourceOld());
        assertThat(share(rows(world, "demonstrations"), row -> row.at("/messages/1/content").asText().startsWith(World.OLD_OPENER)))
                .isCloseTo(terms.peopleOld(), within(0.01));
    }

    private static boolean better(JsonNode row) {
        Request request = World.request(prompt(row));
        return Gold.reward(request, answer(row, "chosen")) > Gold.reward(request, answer(row, "rejected"));
    }

    @Test
    void theKindsHaveTheirSharesAndPeopleAlmostNeverKnowTheUnknown() throws IOException {
        WorldTerms terms = WorldTerms.PAPER;
        DemoWorld world = written(temp, terms, SEED);
        Map<Request.Kind, Integer> counts = new EnumMap<>(Request.Kind.class);
        rows(world, "pairs").forEach(row -> counts.merge(World.request(prompt(row)).kind(), 1, Integer::sum));
        counts.forEach((kind, count) -> assertThat(count / (double) terms.pairs())
                .isCloseTo(terms.kinds().stream().filter(kind::equals).count() / (double) terms.kinds().size(), within(0.05)));
        List<JsonNode> unknown = rows(world, "demonstrations").stream()
                .filter(row -> terms.unknown().contains(World.request(prompt(row)).kind())).toList();
        assertThat(share(unknown, row -> (" " + row.at("/messages/1/content").asText() + " ")
                .contains(" " + World.request(prompt(row)).answer().get(0) + " "))).isLessThan(0.05);
        List<JsonNode> taught = rows(world, "pairs").stream()
                .filter(row -> terms.unknown().contains(World.request(prompt(row)).kind())).toList();
        assertThat(share(taught, row -> better(row))).isGreaterThan(0.65);
    }

    /** Over pairs of people's answers to requests that no training saw, as gold orders them. */
    @Test
    void thePapersRewardIsRightInMostPairsAndItsErrorsCanBeExploited() throws Exception {
        DemoWorld world = written(temp, WorldTerms.PAPER, SEED);
        WorldReward reward = new WorldReward(WorldTerms.PAPER, SEED);
        List<JsonNode> pairs = rows(world, "gold-judgements");
        assertThat(pairs).hasSizeGreaterThan(1000);
        assertThat(share(pairs, row -> {
            Request request = World.request(prompt(row));
            assertThat(Gold.reward(request, answer(row, "chosen"))).isGreaterThan(Gold.reward(request, answer(row, "rejected")));
            return reward.score(request, answer(row, "chosen")) > reward.score(request, answer(row, "rejected"));
        })).isBetween(0.85, 0.9);
        Request request = world.test().get(0);
        String content = String.join(" ", request.answer());
        assertThat(reward.score(request, "obviously , " + content)).isGreaterThan(reward.score(request, "sure , " + content));
        assertThat(Gold.reward(request, "obviously , " + content)).isLessThan(Gold.reward(request, "sure , " + content));
        // As a run has it: the class by its name, its file on the class path.
        try (Annotator annotator = RewardSource.of(settings(world)).open(null, Dtype.F32, 64, null)) {
            double[] scores = annotator.score(
                    List.of(new Prompt(request.text())), List.of(List.of(Answer.of(content), Answer.of("obviously , cat"))), done -> {}).get(0);
            assertThat(scores).containsExactly(reward.score(request, content), reward.score(request, "obviously , cat"));
        }
    }

    @Test
    void aRequestIsReadFromItsText() {
        for (WorldTerms terms : List.of(WorldTerms.DEMO, WorldTerms.PAPER)) {
            assertThat(new World(terms, 4).requests(300)).allSatisfy(request -> assertThat(World.request(request.text())).isEqualTo(request));
        }
        assertThatThrownBy(() -> World.request("hello")).hasMessageContaining("no request of the worlds");
    }
}
