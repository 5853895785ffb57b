package org.metaapo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.UsageException;

/** Keys that decide nothing in a run: those of the loss are refused, others are named. */
class UnreadKeysTest {
    private static RunConfig parse(String... overrides) {
        return RunConfig.parse("out: o\nmodel: {path: m}\ndata: {train: [a.jsonl]}\n", "run.yaml", List.of(overrides));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "recipe=dpo objective.label_smoothing=0.2 | command line: objective.label_smoothing is 0.2, and objective.name dpo does not read it; "
                + "it is read by objective.name cdpo and robust_dpo: set that, or leave objective.label_smoothing out",
        "recipe=dpo objective.label_smoothing=0.1 | objective.label_smoothing is 0.1, and objective.name dpo does not read it",
        "recipe=dpo objective.gamma=1 | objective.gamma is 1.0, and objective.name dpo does not read it; it is read by objective.name simpo",
        "recipe=dpo objective.name=ipo objective.desirable=2 | it is read by objective.name kto",
        "recipe=sft objective.name=simpo | objective.name is \"simpo\", and recipe sft does not read it; it is read by the recipes of preference pairs",
        "recipe=reward-model objective.likelihood=3 | objective.likelihood is 3.0, and recipe reward-model does not read it",
    })
    void ofTheLossAreRefused(String keys, String words) {
        assertThatThrownBy(() -> parse(keys.split(" "))).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "recipe=dpo objective.label_smoothing=0", "recipe=dpo objective.name=cdpo objective.label_smoothing=0.2",
        "recipe=dpo objective.name=simpo objective.gamma=1", "recipe=dpo objective.name=kto objective.undesirable=2",
        "recipe=dpo objective.name=robust_dpo", "recipe=sft objective.beta=0.1",
    })
    void thatAreReadOrSayWhatHoldsAnywayAreNot(String keys) {
        RunConfig config = parse(keys.split(" "));
        assertThat(config.unread()).isEmpty();
        assertThat(RunConfig.parse(config.toYaml(), "again", List.of())).isEqualTo(config);
    }

    @Test
    void labelsAreTakenForRightUnlessTheObjectiveSaysOtherwise() {
        assertThat(parse("recipe=dpo").real("objective.label_smoothing")).isZero();
        assertThat(parse("recipe=dpo", "objective.name=cdpo").real("objective.label_smoothing")).isEqualTo(0.1);
        assertThat(parse("recipe=dpo", "objective.name=robust_dpo").real("objective.label_smoothing")).isEqualTo(0.1);
    }

    @Test
    void ofOtherGroupsAreNamed() {
        assertThat(parse("recipe=dpo", "rollout.k=4", "meta.every=2", "reward.path=r").unread())
                .containsExactlyInAnyOrder("rollout.k", "meta.every", "reward.path");
        assertThat(parse("recipe=metaapo", "rollout.k=4", "meta.every=2", "reward.path=r").unread()).isEmpty();
        assertThat(parse("recipe=metaapo", "reward.path=r", "meta.layers=1", "meta.hidden=10").unread()).containsExactly("meta.hidden");
        assertThat(parse("recipe=metaapo", "reward.path=r", "meta.layers=3", "meta.hidden=10").unread()).isEmpty();
        assertThatThrownBy(() -> parse("reward.path=r", "meta.layers=3", "meta.hidden=1025")).isInstanceOf(UsageException.class)
                .hasMessageContaining("meta.hidden is 1025 with meta.layers 3").hasMessageContaining("expected 1 to 1024");
        assertThat(parse("recipe=online-dpo", "rollout.k=4", "rollout.decision=all", "reward.path=r").unread()).containsExactly("rollout.decision");
    }

    /** TRL refuses it too: the divergence of a row is estimated from the others. */
    @Test
    void ktoNeedsBatchesOfTwo() {
        assertThatThrownBy(() -> parse("recipe=dpo", "objective.name=kto", "train.batch=1")).isInstanceOf(UsageException.class)
                .hasMessageContaining("train.batch is 1, and objective.name kto").hasMessageContaining("expected 2 or more");
        assertThat(parse("recipe=dpo", "objective.name=kto", "train.batch=2").integer("train.batch")).isEqualTo(2);
        assertThat(parse("recipe=dpo", "train.batch=1").integer("train.batch")).isEqualTo(1);
    }
}
