package org.metaapo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.UsageException;

/** Which keys of the group reward go together. */
class RewardKeysTest {
    private static final String RUN = "out: o\nmodel: {path: m}\ndata: {train: [a.jsonl]}\n";

    private static RunConfig parse(String reward) {
        return RunConfig.parse(RUN + "reward: {" + reward + "}\n", "run.yaml", List.of());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "'' | run.yaml: reward.path is not set, nor is reward.adapter, reward.url, reward.judge, reward.class or reward.command",
        "command: [] | reward.path is not set",
        "path: r, url: 'http://h/' | reward.path and reward.url are set; expected one source of rewards",
        "class: a.B, command: [x], judge: 'http://h' | reward.judge and reward.class and reward.command are set",
        "path: r, answers_per_request: 3 | reward.answers_per_request goes with reward.url or reward.class or reward.command, and reward.path is set",
        "path: r, token_env: T | reward.token_env goes with reward.url or reward.judge, and reward.path is set",
        "command: [x], class_path: c | reward.class_path goes with reward.class, and reward.command is set",
        "command: [x], retries: 2 | reward.retries goes with reward.url or reward.judge, and reward.command is set",
        "judge: 'http://h', judge_model: m, answers_per_request: 3 | reward.answers_per_request goes with",
        "url: 'http://h', judge_model: m | reward.judge_model goes with reward.judge, and reward.url is set",
        "judge: 'http://h' | reward.judge_model is not set; expected the name of the model",
        "judge: 'http://h', judge_model: m, judge_pairs: some | expected one of pivot, all",
        "judge: 'http://h', judge_model: m, judge_options: 3 | expected a mapping or the JSON of an object",
        "url: 'http://h', timeout: 0 | reward.timeout is 0",
        "uri: 'http://h' | unknown key reward.uri; did you mean reward.url?",
    })
    void oneSourceAndItsOwnKeys(String reward, String words) {
        assertThatThrownBy(() -> parse(reward)).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }

    @Test
    void everySourceReadsBackToItself() {
        for (String reward : List.of(
                "path: r", "url: 'http://h/score', token_env: REWARD_TOKEN, answers_per_request: 8, parallel: 2, timeout: 5, retries: 0",
                "judge: 'http://h/v1', judge_model: m, judge_pairs: all, judge_options: {temperature: 0.5, stop: [\"a\"]}",
                "class: a.B, class_path: [a.jar, b]", "command: [python3, 'my reward.py', \"--x='y'\"]", "command: ./reward")) {
            RunConfig config = parse(reward);
            assertThat(RunConfig.parse(config.toYaml(), "again", List.of())).as(reward).isEqualTo(config);
        }
        assertThat(parse("command: ./reward").texts("reward.command")).containsExactly("./reward");
    }

    @Test
    void runsThatSampleNothingNeedNoSource() {
        for (String line : List.of("recipe: dpo", "recipe: sft", "rollout: {decision: none}")) {
            assertThat(RewardKeys.source(RunConfig.parse(RUN + line + "\n", "run.yaml", List.of()))).isNull();
        }
    }

    @Test
    void overridesAloneNameASource() {
        assertThat(RewardKeys.source(RunConfig.reward(List.of("reward.class=a.B")))).isEqualTo(RewardKeys.CLASS);
        assertThatThrownBy(() -> RunConfig.reward(Arrays.asList("reward.answers_per_request=3"))).hasMessageContaining("reward.path is not set");
        assertThatThrownBy(() -> RunConfig.reward(List.of("reward.path=null"))).hasMessageContaining("reward.path is not set");
    }
}
