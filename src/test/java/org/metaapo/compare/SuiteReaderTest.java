package org.metaapo.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.metaapo.config.RunConfig;
import org.metaapo.demo.WorldTerms;
import org.metaapo.error.UsageException;

class SuiteReaderTest {
    private static final String HEAD = "out: o\nseeds: [1, 2]\nworld: {prompts: [p.jsonl], validation: [v.jsonl]}\n";
    private static final String COMMON =
            "common: {recipe: dpo, model.path: m, reward.path: r, data: {train: [d]}, train.batch: 4}\n";

    private static Suite read(String yaml) {
        return SuiteReader.read(yaml, "s.yaml", List.of()).first();
    }

    /** All configurations of a suite, as a run makes them. */
    private static void check(Suite suite) {
        for (Method method : suite.methods()) {
            for (int setting = 0; setting < method.grid().size(); setting++) {
                suite.config(method, setting, suite.world(1), 1);
            }
        }
    }

    @Test
    void aMethodsKeysGoBeforeTheCommonOnesAndAGridsBeforeBoth() {
        Suite suite = read(HEAD + "threads: 2\n" + COMMON
                + "methods:\n  a: {train: {batch: 8}}\n  b:\n    train.epochs: 3\n    grid: {objective.beta: [0.1, 5e-1], train.batch: [16]}\n");
        RunConfig a = suite.config(suite.methods().get(0), 0, suite.world(2), 2);
        assertThat(a.integer("train.batch")).isEqualTo(8);
        assertThat(a.integer("threads")).isEqualTo(2);
        assertThat(a.integer("seed")).isEqualTo(2);
        assertThat(a.path("out")).hasToString("o/seed-2/a");
        Method b = suite.methods().get(1);
        assertThat(b.grid()).containsExactly(
                List.of("objective.beta=0.1", "train.batch=16"), List.of("objective.beta=5e-1", "train.batch=16"));
        RunConfig second = suite.config(b, 1, suite.world(1), 1);
        assertThat(second.real("objective.beta")).isEqualTo(0.5);
        assertThat(second.integer("train.batch")).isEqualTo(16);
        assertThat(second.integer("train.epochs")).isEqualTo(3);
        assertThat(second.path("out")).hasToString("o/seed-1/b@2");
        assertThat(suite.baseline()).isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "sedes: [1]                              | s.yaml:5: unknown key sedes in the suite; did you mean seeds?",
        "seeds: [1, 1]                           | s.yaml:3: seed 1 is given twice",
        "seeds: []                               | s.yaml:3: seeds has 0 numbers",
        "seeds: [x]                              | s.yaml:3: seeds is \"x\"; expected a whole number from 0",
        "world: moon                             | s.yaml:2: world is \"moon\"; expected demo, paper, or the files of your prompts",
        "world: {name: moon}                     | s.yaml:2: world is \"moon\"; expected demo, paper",
        "world: {name: paper, noise: 1}          | s.yaml:2: unknown key noise in world",
        "world: {name: paper, charm: x}          | s.yaml:2: world.charm is \"x\"; expected a number from 0 to 1000",
        "world: {prompt: [p]}                    | s.yaml:2: unknown key prompt in world; did you mean prompts?",
        "world: {validation: [p]}                | s.yaml:2: world.prompts is not set",
        "threads: 0                              | s.yaml:5: threads is \"0\"; expected a whole number from 1",
        "baseline: metapo                        | s.yaml:5: baseline is \"metapo\"; expected one of metaapo, dpo, sft (nearest: metaapo)",
        "methods: {}                             | s.yaml:4: methods is empty",
        "methods: {sft: {}}                      | s.yaml:4: a method is named \"sft\"",
        "methods: {a/b: {}}                      | s.yaml:4: a method is named \"a/b\"",
        "methods: {a: 3}                         | s.yaml:4: expected keys and values for method a, found \"3\"",
        "methods: {a: {out: x}}                  | s.yaml:4: out under method a is set by the suite",
        "common: {seed: 3}                       | s.yaml:5: seed under common is set by the suite; expected it at the top level, as seeds",
        "methods: {a: {grid: {train.batch: []}}} | s.yaml:4: the grid of a has 0 settings",
        "methods: {a: {grid: {train.batch: [1, 1]}}} | s.yaml:4: a value of train.batch is given twice",
    })
    void whatIsWrongIsNamedWithItsLine(String change, String message) {
        String key = change.substring(0, change.indexOf(':'));
        List<String> lines = new java.util.ArrayList<>(List.of(
                "out: o", "world: demo", "seeds: [1, 2]", "methods: {metaapo: {recipe: metaapo}, dpo: {recipe: dpo}}"));
        lines.replaceAll(line -> line.startsWith(key + ":") ? change : line);
        if (!lines.contains(change)) {
            lines.add(change);
        }
        assertThatThrownBy(() -> read(String.join("\n", lines) + "\n")).isInstanceOf(UsageException.class).hasMessageContaining(message);
    }

    @Test
    void aMethodThatComesAfterAnotherBeginsWithItsResultAndKeepsTheReferenceOfAll() {
        Suite suite = read(HEAD + COMMON + "methods:\n  a: {}\n  b: {after: a, recipe: metaapo}\n  c: {after: b}\n");
        RunConfig b = suite.config(suite.method("b"), 0, suite.world(2), 2);
        assertThat(b.path("model.path")).hasToString("o/seed-2/a/model");
        assertThat(b.path("reference.path")).hasToString("m");
        assertThat(b.path("out")).hasToString("o/seed-2/b");
        assertThat(suite.config(suite.method("c"), 0, suite.world(1), 1).path("model.path")).hasToString("o/seed-1/b/model");
        assertThat(suite.config(suite.method("a"), 0, suite.world(1), 1).path("reference.path")).isNull();
        for (String wrong : List.of("b: {after: b}", "b: {after: d}\n  d: {}", "b: {after: a, grid: {train.batch: [1, 2]}}")) {
            assertThatThrownBy(() -> read(HEAD + COMMON + "methods:\n  a: {}\n  " + wrong + "\n")).isInstanceOf(UsageException.class)
                    .hasMessageContaining("method b comes after").hasMessageContaining("expected the name of a method above it");
        }
    }

    @Test
    void theSharedRewardModelDoesNotChangeWithWhatAMethodBeginsWith() {
        String common = "common: {recipe: dpo, model.path: m, reward.adapter: r, data: {train: [d]}}\n";
        Suite suite = read(HEAD + common + "methods:\n  a: {}\n  b: {after: a, recipe: metaapo}\n  c: {model.path: n}\n  d: {after: a, reward.adapter: s}\n");
        // The adapter's base is model.path where no other is named.
        assertThat(suite.config(suite.method("a"), 0, suite.world(1), 1).path("reward.path")).isNull();
        assertThat(suite.config(suite.method("b"), 0, suite.world(1), 1).path("reward.path")).hasToString("m");
        assertThat(suite.config(suite.method("c"), 0, suite.world(1), 1).path("reward.path")).hasToString("m");
        assertThat(suite.config(suite.method("d"), 0, suite.world(1), 1).path("reward.path")).isNull();
    }

    @Test
    void aMethodComesAfterOneWhoseResultIsAModel() {
        String methods = "methods:\n  a: {}\n  b: {after: a, recipe: metaapo}\n";
        String common = COMMON.replace("}\n", ", adapter: {rank: 4, merge: true}}\n");
        check(read(HEAD + common + methods));
        assertThatThrownBy(() -> check(read(HEAD + common.replace(", merge: true", "") + methods))).isInstanceOf(UsageException.class)
                .hasMessageContaining("s.yaml: method b comes after a, whose result is an adapter alone; expected adapter.merge: true");
        assertThatThrownBy(() -> check(read(HEAD + common + methods.replace("metaapo}", "metaapo, reference.update: slice}")))).isInstanceOf(UsageException.class)
                .hasMessageContaining("expected reference.update: never");
        assertThatThrownBy(() -> check(read(HEAD + COMMON.replace("}\n", ", adapter.path: p}\n") + methods))).isInstanceOf(UsageException.class)
                .hasMessageContaining("and adapter.path is set");
    }

    @Test
    void theCommandLineGoesBeforeTheSuitesKeysAndBehindAMethods() {
        String yaml = HEAD + COMMON + "methods:\n  a: {}\n  b: {optimizer.learning_rate: 3}\n";
        Suite suite = SuiteReader.read(yaml, "s.yaml", List.of(
                "out=p", "seeds=7", "seeds=[8, 9]", "threads=3", "world.prompts=[q.jsonl, -]", "common.model.path=n", "common.train={batch: 2}", "common.reward.path=",
                "common.reward.url=http://h/a=b", "common.optimizer.learning_rate=2")).first();
        assertThat(suite.out()).hasToString("p");
        assertThat(suite.seeds()).containsExactly(8L, 9L);
        assertThat(suite.own()).isEqualTo(new OwnSeed(List.of(Path.of("q.jsonl"), Path.of("-")), List.of(Path.of("v.jsonl"))));
        RunConfig a = suite.config(suite.method("a"), 0, suite.world(8), 8);
        assertThat(a.path("model.path")).hasToString("n");
        assertThat(a.integer("train.batch")).isEqualTo(2);
        assertThat(a.integer("threads")).isEqualTo(3);
        assertThat(a.path("reward.path")).isNull();
        assertThat(a.text("reward.url")).isEqualTo("http://h/a=b");
        assertThat(a.real("optimizer.learning_rate")).isEqualTo(2);
        assertThat(suite.config(suite.method("b"), 0, suite.world(8), 8).real("optimizer.learning_rate")).isEqualTo(3);
        String paper = "out: o\nseeds: 1\nworld: {name: paper, charm: 0.3}\nmethods: {a: {recipe: dpo}}\n";
        assertThat(SuiteReader.read(paper, "s.yaml", List.of("world.charm=0.5", "world.offline_noise=[0, 0.4]")).cells()).extracting(cell -> cell.suite().terms())
                .containsExactly(WorldTerms.PAPER.with("charm", 0.5).with("offline_noise", 0), WorldTerms.PAPER.with("charm", 0.5).with("offline_noise", 0.4));
        assertThat(SuiteReader.read(paper, "s.yaml", List.of("world.charm=0.5", "world=demo")).first().terms()).isEqualTo(WorldTerms.DEMO);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "threads=0             | command line: threads is \"0\"; expected a whole number from 1",
        "seed=3                | command line: seed is set by the suite; expected seeds, as seeds=3 or seeds=[1, 2, 3]",
        "seeds={a: 1}          | command line: seeds is a mapping; expected a whole number from 0",
        "seeds=[1, 1]          | command line: seed 1 is given twice",
        "sedes=1               | command line: unknown key sedes of a suite; did you mean seeds?",
        "train.batch=2         | command line: train.batch is a key of a run; expected common.train.batch, which all methods have",
        "train=2               | command line: train is a key of a run; expected common.train",
        "common={dtype: f32}   | command line: common holds keys of all methods; expected each as common.KEY=VALUE",
        "common.seed=3         | command line: seed under common is set by the suite; expected it at the top level, as seeds",
        "common.train.bach=3   | command line: unknown key train.bach; did you mean train.batch?",
        "common.train.batch=x  | command line: train.batch is \"x\"",
        "methods.a.dtype=f32   | command line: methods.a.dtype: keys of a method are given in the suite's file",
        "methods={}            | command line: methods: keys of a method are given in the suite's file",
        "world.prompt=a        | command line: unknown key prompt in world; did you mean prompts?",
        "world.charm=1         | command line: unknown key charm in world",
        "out=[a                | command line: out:1:3: not YAML",
    })
    void whatIsWrongOnTheCommandLineIsNamed(String override, String message) {
        assertThatThrownBy(() -> check(SuiteReader.read(HEAD + COMMON + "methods: {a: {}}\n", "s.yaml", List.of(override)).first()))
                .isInstanceOf(UsageException.class).hasMessageContaining(message);
    }

    @Test
    void aMethodsConfigurationIsCheckedWithItsName() {
        Suite unknown = read(HEAD + COMMON + "methods:\n  a: {}\n  b:\n    train: {bach: 3}\n");
        assertThatThrownBy(() -> check(unknown)).isInstanceOf(UsageException.class)
                .hasMessage("method b: s.yaml:8: unknown key train.bach; did you mean train.batch?");
        Suite outOfRange = read(HEAD + COMMON + "methods:\n  b: {grid: {train.batch: [1, 0]}}\n");
        assertThatThrownBy(() -> check(outOfRange)).isInstanceOf(UsageException.class)
                .hasMessageStartingWith("method b: override of train.batch: train.batch is 0");
        Suite noReward = read(HEAD + "common: {model.path: m, data.train: d}\nmethods: {b: {recipe: dpo}}\n");
        check(noReward);
        assertThatThrownBy(() -> noReward.shared(noReward.world(1), 1)).isInstanceOf(UsageException.class)
                .hasMessageContaining("common: s.yaml: reward.path is not set");
    }

    static Stream<Path> suites() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("examples/suites"))) {
            return files.sorted().toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("suites")
    void theSuitesOfTheExamplesAreWellFormed(Path file) {
        SuiteMap map = SuiteMap.load(file, List.of());
        Suite suite = map.first();
        check(suite);
        suite.shared(suite.world(1), 1);
        assertThat(suite.seeds()).hasSizeGreaterThanOrEqualTo(suite.own() == null ? 5 : 3);
        assertThat(map.out()).hasToString("runs/" + file.getFileName().toString().replace(".yaml", ""));
    }

    @Test
    void theCalibrationRunsNoMetaApoAndOtherSeedsThanTheTables() {
        Suite calibration = SuiteMap.load(Path.of("examples/suites/paper-calibration.yaml"), List.of()).first();
        assertThat(calibration.seeds()).containsExactly(101L, 102L, 103L, 104L, 105L);
        for (Method method : calibration.methods()) {
            assertThat(calibration.config(method, 0, calibration.world(101), 101).text("recipe")).isNotEqualTo("metaapo");
        }
        Suite methods = SuiteMap.load(Path.of("examples/suites/paper-methods.yaml"), List.of()).first();
        assertThat(methods.seeds()).hasSize(10).doesNotContainAnyElementsOf(calibration.seeds());
        for (Method method : calibration.methods()) { // as the tables have them
            assertThat(methods.config(methods.method(method.name()), 0, methods.world(101), 101).toYaml().lines().filter(line -> !line.contains("runs/")))
                    .containsExactlyElementsOf(calibration.config(method, 0, calibration.world(101), 101).toYaml().lines().filter(line -> !line.contains("runs/")).toList());
        }
    }

    @Test
    void aMapHasAWorldForEachCombination() {
        SuiteMap map = SuiteReader.read(
                "out: o\nseeds: 1\nworld: {name: paper, charm: 0.3, offline_noise: [0, 0.4], reward_error: [1, 2.5, 3]}\nmethods: {a: {recipe: dpo}}\n", "s.yaml", List.of());
        assertThat(map.isMap()).isTrue();
        assertThat(map.cells()).hasSize(6);
        SuiteMap.Cell cell = map.cells().get(4);
        assertThat(cell.amounts()).isEqualTo(Map.of("offline_noise", 0.4, "reward_error", 2.5));
        assertThat(cell.suite().out()).hasToString("o/offline_noise=0.4,reward_error=2.5");
        assertThat(map.cells()).extracting(each -> each.suite().starts()).containsOnly(Path.of("o/starts"));
        assertThat(cell.suite().terms()).isEqualTo(WorldTerms.PAPER.with("charm", 0.3).with("offline_noise", 0.4).with("reward_error", 2.5));
        for (String wrong : List.of("charm: []", "charm: [1, 1]", "charm: [1], offline_noise: [0, 1], reward_error: [1]")) {
            assertThatThrownBy(() -> read("out: o\nseeds: 1\nworld: {name: paper, " + wrong + "}\nmethods: {a: {recipe: dpo}}\n"))
                    .isInstanceOf(UsageException.class).hasMessageContaining("s.yaml:3: world has").hasMessageContaining("expected at most 2 lists");
        }
    }

    @Test
    void startsAreInTheOutFolderUnlessTheyAreNamed() {
        String rest = "\nseeds: 1\nworld: paper\nmethods: {a: {recipe: dpo}}\n";
        assertThat(read("out: o" + rest).starts()).isEqualTo(Path.of("o/starts"));
        assertThat(read("out: o\nstarts: null" + rest).starts()).isEqualTo(Path.of("o/starts"));
        assertThat(read("out: o\nstarts: runs/starts" + rest).starts()).isEqualTo(Path.of("runs/starts"));
    }

    @Test
    void aWorldTakesOtherAmounts() {
        Suite suite = read("out: o\nseeds: 1\nworld: {name: paper, offline_noise: 0.4, reward_error: 1.5}\nmethods: {a: {recipe: dpo}}\n");
        assertThat(suite.terms()).isEqualTo(WorldTerms.PAPER.with("offline_noise", 0.4).with("reward_error", 1.5));
        assertThat(suite.terms().offlineNoise()).isEqualTo(0.4);
        assertThat(suite.terms().rewardError()).isEqualTo(1.5);
        assertThat(suite.terms().charm()).isEqualTo(WorldTerms.PAPER.charm());
    }

    @Test
    void gridsHaveEqualBudgetsAndPromptsOfTheirOwn() {
        String grids = COMMON + "methods:\n  a: {grid: {train.batch: [1, 2]}}\n  b: {grid: {train.batch: [1, 2, 3]}}\n  c: {}\n";
        assertThatThrownBy(() -> read(HEAD + grids)).isInstanceOf(UsageException.class)
                .hasMessageContaining("the grid of b has 3 settings, that of a 2; expected equally many");
        String alone = "out: o\nseeds: 1\nworld: {prompts: p.jsonl}\n" + COMMON + "methods:\n  a: {grid: {train.batch: [1, 2]}}\n";
        assertThatThrownBy(() -> read(alone)).isInstanceOf(UsageException.class).hasMessageContaining("world.validation is not set");
    }
}
