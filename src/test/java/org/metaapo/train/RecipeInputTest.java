package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.config.RunConfig;
import org.metaapo.error.DataException;
import org.metaapo.error.MetaapoException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Fixtures;
import org.metaapo.reward.RewardFunction;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/** What recipes and objectives refuse, with the words that help; and slices in which no pair is left. */
class RecipeInputTest {
    @TempDir
    Path temp;

    private RunConfig config(String... overrides) {
        List<String> all = new ArrayList<>(List.of("out=" + temp.resolve("run")));
        all.addAll(List.of(overrides));
        return RunConfig.parse(String.join("\n",
                "recipe: dpo", "out: unset", "dtype: f32", "threads: 1",
                "model: {path: " + Fixtures.path("tiny-llama") + "}",
                "data: {train: [" + Fixtures.path("pairs.jsonl") + "], max_length: 256, max_prompt_length: 128}",
                "rollout: {slice: 5, max_new_tokens: 4}", "train: {epochs: 1, batch: 4}"), "run.yaml", all);
    }

    private List<String> notes(RunConfig config) {
        List<String> notes = new ArrayList<>();
        run(config, notes);
        return notes;
    }

    private void run(RunConfig config, List<String> notes) {
        Recipes.run(config, new RunListener() {
            @Override
            public void note(String line) {
                notes.add(line);
            }
        }, new StopSignal());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "recipe=ppo | expected one of metaapo, dpo, selective-dpo, adpo, online-dpo, iterative-dpo, sppo, selm, xpo, sft, reward-model",
        "objective.name=orpo | expected one of dpo, cdpo, robust_dpo, ipo, ipo_sum, ipo_mean, hinge, simpo, kto, sppo, selm, adpo, xpo, java",
        "objective.name=sppo | objective.name sppo goes with recipe sppo, found recipe dpo",
        "objective.name=adpo | objective.name adpo and recipe adpo go together",
        "objective.name=java | objective.name java and objective.class go together",
        "objective.class=Mine | objective.name java and objective.class go together",
        "recipe=online-dpo | reward.path is not set",
        "meta.features=[prompt_length] | expected score, then any of prompt_length, answer_lengths, reward_gap, epoch",
        "meta.features=[score, colour] | expected score, then any of prompt_length, answer_lengths, reward_gap, epoch",
        "selective.keep=0 | selective.keep"})
    void wrongKeysAreNamedWithWhatIsRight(String override, String message) {
        assertThatThrownBy(() -> config(override)).isInstanceOf(UsageException.class).hasMessageContaining(message);
    }

    @Test
    void aReferenceThatAnswersIsNotOffloaded() {
        assertThatThrownBy(() -> config("recipe=xpo", "reward.path=" + Fixtures.path("tiny-rm"), "reference.offload=true"))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("reference.offload does not go with recipe xpo");
        RunConfig xpo = config("recipe=xpo", "reward.path=" + Fixtures.path("tiny-rm"), "device=cuda:0");
        assertThat(Recipes.size(xpo, RunListener.SILENT).smaller().keySet()).isNotEmpty().noneMatch(keys -> keys.contains("reference.offload"));
    }

    @Test
    void aRecipeBringsItsPapersDefaultsAndWhatIsGivenComesFirst() {
        RunConfig selm = config("recipe=selm", "reward.path=" + Fixtures.path("tiny-rm"));
        assertThat(selm.text("objective.name")).isEqualTo("selm");
        assertThat(selm.real("objective.beta")).isEqualTo(0.01);
        assertThat(config("recipe=selm", "objective.beta=0.2", "reward.path=x").real("objective.beta")).isEqualTo(0.2);
        assertThat(RunConfig.parse(selm.toYaml(), "resolved", List.of())).isEqualTo(selm);
    }

    @Test
    void ktoRefusesAnswersWithoutLabels() throws IOException {
        Path data = Files.writeString(temp.resolve("answers.jsonl"), "{\"prompt\":\"a\",\"completion\":\"b\"}\n");
        assertThatThrownBy(() -> notes(config("objective.name=kto", "data.train=[" + data + "]")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("answers.jsonl:1")
                .hasMessageContaining("label");
    }

    @Test
    void aGapOfRewardsNeedsScoresInTheData() throws IOException {
        Path data = Files.writeString(temp.resolve("unscored.jsonl"), "{\"prompt\":[{\"role\":\"user\",\"content\":\"Name a colour.\"}],\"chosen\":\"Blue.\",\"rejected\":\"Seven.\"}\n");
        assertThatThrownBy(() -> notes(config(
                        "recipe=metaapo", "reward.path=" + Fixtures.path("tiny-rm"), "meta.features=[score, reward_gap]",
                        "data.train=[" + data + "]")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("unscored.jsonl:1: no score_chosen and score_rejected");
    }

    /** The same reward for all. */
    public static final class Equal implements RewardFunction {
        @Override
        public double[] score(List<Message> prompt, List<Answer> answers) {
            return new double[answers.size()];
        }
    }

    /** No reward at all. */
    public static final class Broken implements RewardFunction {
        @Override
        public double[] score(List<Message> prompt, List<Answer> answers) {
            double[] scores = new double[answers.size()];
            scores[0] = Double.NaN;
            return scores;
        }
    }

    @Test
    void equalRewardsLeaveSlicesWithoutPairsWhichIsSaidAndARunWithoutAStepFails() {
        List<String> notes = new ArrayList<>();
        assertThatThrownBy(() -> run(config("recipe=online-dpo", "reward.class=" + Equal.class.getName()), notes))
                .isInstanceOf(RunFailedException.class).hasMessageContaining("nothing was trained")
                .hasMessageContaining("equal rewards; no result is written");
        assertThat(notes).anyMatch(note -> note.startsWith("slice 0 has no pair left: the best and the worst answer"));
        assertThat(notes).anyMatch(note -> note.startsWith("slice 1 has no pair left"));
        assertThat(new RunFolder(temp.resolve("run")).model()).doesNotExist();
    }

    @Test
    void metaapoKeepsTheRowsOwnPairWhereRewardsAreEqual() throws IOException {
        notes(config("recipe=metaapo", "rollout.decision=all", "reward.class=" + Equal.class.getName()));
        String metrics = Files.readString(new RunFolder(temp.resolve("run")).metrics());
        assertThat(metrics).contains("\"trained\":5").contains("\"ties\":8").contains("\"online_share\":0.0");
    }

    @Test
    void aRewardThatIsNoNumberEndsTheRunBeforeWeightsAreLoaded() {
        List<String> phases = new ArrayList<>();
        assertThatThrownBy(() -> Recipes.run(config("recipe=sppo", "reward.class=" + Broken.class.getName()), new RunListener() {
            @Override
            public void begin(String phase, long total) {
                phases.add(phase);
            }
        }, new StopSignal())).isInstanceOf(MetaapoException.class).hasMessageContaining("NaN");
        assertThat(phases).doesNotContain("loading the model");
    }

    /** An objective without a value. */
    public static final class NoNumber implements PairLoss {
        @Override
        public Value evaluate(Pair pair) {
            return new Value(Double.NaN, 0, 0);
        }
    }

    @Test
    void anObjectiveOfTheUsersMustBeOneAndGiveNumbers() {
        assertThatThrownBy(() -> notes(config("objective.name=java", "objective.class=" + Equal.class.getName())))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("objective.class: " + Equal.class.getName() + " does not implement org.metaapo.train.PairLoss");
        assertThatThrownBy(() -> notes(config("objective.name=java", "objective.class=" + NoNumber.class.getName())))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("expected finite numbers");
    }
}
