package org.metaapo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.UsageException;

class RunConfigTest {
    private static final String GOOD = "recipe: metaapo\nout: runs/first\nmodel: {path: m}\nreward: {path: r}\ndata: {train: [a.jsonl, b.jsonl]}\n";

    private static RunConfig parse(String yaml, String... overrides) {
        return RunConfig.parse(yaml, "run.yaml", List.of(overrides));
    }

    @Test
    void defaultsAreThe8bRecipe() {
        RunConfig config = parse(GOOD);
        assertThat(config.real("objective.beta")).isEqualTo(0.1);
        assertThat(config.reals("optimizer.betas")).containsExactly(0.9, 0.95);
        assertThat(config.real("optimizer.learning_rate")).isEqualTo(5e-7);
        assertThat(config.integer("rollout.slice")).isEqualTo(20370);
        assertThat(config.paths("data.train")).containsExactly(Path.of("a.jsonl"), Path.of("b.jsonl"));
        assertThat(config.path("reference.path")).isNull();
    }

    @Test
    void scalarsAreReadByTheirKeyNotByYamlsGuess() {
        RunConfig config = parse(GOOD + "optimizer: {learning_rate: 5e-7, eps: 1E-8}\nseed: 0777\n", "data.train=one.jsonl", "out=yes");
        assertThat(config.real("optimizer.learning_rate")).isEqualTo(5e-7);
        assertThat(config.integer("seed")).isEqualTo(777);
        assertThat(config.path("out")).isEqualTo(Path.of("yes"));
        assertThat(config.paths("data.train")).containsExactly(Path.of("one.jsonl"));
    }

    @Test
    void theResolvedConfigurationReadsBackToItself() {
        RunConfig config = parse(GOOD, "optimizer.learning_rate=3e-6", "out=a \"quoted\" folder", "data.shuffle=false");
        assertThat(parse(config.toYaml())).isEqualTo(config);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "traim: {batch: 3} | run.yaml:6: unknown key traim; did you mean",
        "beta: 1 | did you mean objective.beta?",
        "train: {batch: many} | train.batch is \"many\"; expected integer",
        "train: {batch: 1.5} | train.batch is \"1.5\"; expected integer",
        "train: [1] | run.yaml:6: expected keys and values under train",
        "objective: {beta: .nan} | expected number",
        "objective: {name: dop} | nearest: dpo",
        "train: {recompute: yes} | expected true or false",
        "seed: 1\\nseed: 2 | given twice",
        "objective: {beta: [1]} | objective.beta is a list",
        "a: [ | run.yaml:7:1: not YAML",
        "optimizer: {betas: [0.9]} | has 1 numbers; expected 2",
    })
    void mistakesAreNamedWithLineAndNearestKey(String line, String words) {
        assertThatThrownBy(() -> parse(GOOD + line.replace("\\n", "\n") + "\n"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(words);
    }

    @Test
    void whatTheYamlParserStumblesOverIsOneLine() {
        assertThatThrownBy(() -> RunConfig.parse("!%c", "run.yaml", List.of()))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("run.yaml: not YAML")
                .hasMessageNotContaining("\n");
    }

    @Test
    void aPromptIsAtMostHalfOfARowUnlessItIsSaidOtherwise() {
        assertThat(parse(GOOD).integer("data.max_prompt_length")).isEqualTo(2048);
        assertThat(parse(GOOD, "data.max_length=100000").integer("data.max_prompt_length")).isEqualTo(2048);
        RunConfig small = parse(GOOD, "data.max_length=511");
        assertThat(small.integer("data.max_prompt_length")).isEqualTo(255);
        assertThat(small.isSet("data.max_prompt_length")).isFalse();
        assertThat(RunConfig.parse(small.toYaml(), "again", List.of())).isEqualTo(small);
        assertThat(parse(GOOD, "data.max_length=511", "data.max_prompt_length=510").integer("data.max_prompt_length")).isEqualTo(510);
        assertThatThrownBy(() -> RunConfig.defaults(List.of("data.max_length=511", "data.max_prompt_length=511")))
                .hasMessageContaining("data.max_prompt_length is 511; expected less than data.max_length, 511");
    }

    @Test
    void wholeNumbersMayBeWrittenAsFloats() {
        assertThat(parse(GOOD, "train.epochs=3.0").integer("train.epochs")).isEqualTo(3);
        assertThatThrownBy(() -> parse(GOOD, "train.epochs=3.5")).hasMessageContaining("train.epochs is \"3.5\"; expected");
        assertThatThrownBy(() -> parse(GOOD, "train.epochs=.0")).hasMessageContaining("train.epochs is \".0\"; expected");
    }

    @Test
    void whatTheCommandLineGivesIsNotOfTheFile() {
        assertThatThrownBy(() -> parse(GOOD, "objective.gamma=2")).hasMessageStartingWith("command line: objective.gamma is");
        assertThatThrownBy(() -> parse(GOOD + "objective: {gamma: 2}\n", "seed=2")).hasMessageStartingWith("run.yaml: objective.gamma is");
        assertThatThrownBy(() -> parse(GOOD, "data.max_prompt_length=4096")).hasMessageStartingWith("command line: data.max_prompt_length is");
    }

    @Test
    void overridesAreChecked() {
        assertThatThrownBy(() -> parse(GOOD, "batch=3")).hasMessageContaining("did you mean train.batch?");
        assertThatThrownBy(() -> parse(GOOD, "nothing")).hasMessageContaining("expected key=value");
        assertThatThrownBy(() -> parse(GOOD, "data.max_prompt_length=4096")).hasMessageContaining("expected less than data.max_length");
        assertThatThrownBy(() -> parse("out: x\n")).hasMessageContaining("model.path is not set");
    }

    @Test
    void theHomeFolderInPathsAndWords() {
        String home = System.getenv("HOME");
        RunConfig config = parse(GOOD.replace("path: m}", "path: ~/m}").replace("a.jsonl", "~/a.jsonl"),
                "reference.path=~/ref", "data.cache=~/cache", "reward.path=null", "reward.command=[~/score.py, --in=~/x]", "data.eval=~/e", "out=~");
        assertThat(config.path("model.path")).isEqualTo(Path.of(home, "m"));
        assertThat(config.paths("data.train")).containsExactly(Path.of(home, "a.jsonl"), Path.of("b.jsonl"));
        assertThat(config.path("reference.path")).isEqualTo(Path.of(home, "ref"));
        assertThat(config.text("data.cache")).isEqualTo(home + "/cache");
        assertThat(config.texts("reward.command")).containsExactly(home + "/score.py", "--in=~/x");
        assertThat(config.paths("data.eval")).containsExactly(Path.of(home, "e"));
        assertThat(config.path("out")).isEqualTo(Path.of(home));
        assertThat(parse(GOOD, "model.path=~bob/m").path("model.path")).isEqualTo(Path.of("~bob/m"));
    }

    @Test
    void standardInputAsAValue() {
        assertThat(parse(GOOD, "data.train=-").paths("data.train")).containsExactly(Path.of("-"));
        assertThatThrownBy(() -> parse(GOOD, "out=-")).isInstanceOf(UsageException.class).hasMessageContaining("a run needs a folder");
    }

    @Test
    void randomDamageGivesAMessageAndNothingElse() {
        Random random = new Random(1);
        int inputs = Integer.getInteger("fuzz.inputs", 3000);
        for (int i = 0; i < inputs; i++) {
            StringBuilder text = new StringBuilder(parse(GOOD).toYaml());
            for (int edits = 1 + random.nextInt(4); edits > 0; edits--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.setCharAt(at, (char) (1 + random.nextInt(126)));
                    case 1 -> text.deleteCharAt(at);
                    default -> text.insert(at, "{}[]:,&*!|>'\"%@`#- \n\t".charAt(random.nextInt(21)));
                }
            }
            assertThatCode(() -> {
                try {
                    parse(text.toString());
                } catch (UsageException expected) {
                    assertThat(expected.getMessage()).isNotBlank();
                }
            }).as(text.toString()).doesNotThrowAnyException();
        }
    }

    @Test
    void theScoresScaleIsTheObjectivesBetaWhereItIsNotSet() {
        String run = "out: o\nmodel: {path: m}\nreward: {path: r}\ndata: {train: [d]}\n";
        assertThat(parse(run).real("meta.score_scale")).isEqualTo(0.1);
        assertThat(parse(run).isSet("meta.score_scale")).isFalse();
        RunConfig simpo = parse(run + "objective: {name: simpo, beta: 2.5}\nmeta: {score_scale: null}");
        assertThat(simpo.real("meta.score_scale")).isEqualTo(2.5);
        assertThat(simpo.toYaml()).contains("score_scale: 2.5");
        assertThat(parse(run + "recipe: sppo").real("meta.score_scale")).isEqualTo(1e-3);
        RunConfig authors = parse(run + "meta: {score_scale: 1}");
        assertThat(authors.real("meta.score_scale")).isEqualTo(1);
        assertThat(authors.isSet("meta.score_scale")).isTrue();
        assertThat(RunConfig.parse(run, "test", List.of("objective.beta=0.5")).real("meta.score_scale")).isEqualTo(0.5);
    }

    @Test
    void theReadmeHasTheTableOfKeys() throws IOException {
        assertThat(Files.readString(Path.of("README.md"))).contains(ConfigKeys.markdown());
    }
}
