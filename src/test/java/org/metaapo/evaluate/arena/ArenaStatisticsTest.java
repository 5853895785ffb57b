package org.metaapo.evaluate.arena;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.commons.math3.stat.StatUtils;
import org.junit.jupiter.api.Test;
import org.metaapo.evaluate.GoldenNumbers;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.style.AnswerStyle;
import org.metaapo.evaluate.style.StyleCounts;
import org.metaapo.evaluate.style.StyleFeature;
import org.metaapo.files.Json;

/** Arena-Hard's numbers against the official code's and an exact solver's. */
class ArenaStatisticsTest {
    private static final JsonNode GOLDEN = GoldenNumbers.read("arena_hard.json.gz");
    private static final Resamples RESAMPLES = new Resamples(100, 42);

    static List<ArenaJudgment> judgments(JsonNode set) {
        List<ArenaJudgment> rows = new ArrayList<>();
        set.path("judgments").forEach(row -> {
            rows.add(ArenaJudgment.of(new JsonFields((ObjectNode) row, ""), ArenaVersion.V20, set.path("baseline").asText()));
        });
        return rows;
    }

    private static List<Battle> battles(JsonNode set, ArenaVersion version) {
        List<Battle> battles = new ArrayList<>();
        judgments(set).forEach(row -> battles.addAll(row.battles(version)));
        return battles;
    }

    static BiFunction<String, String, AnswerStyle> styles(JsonNode set) {
        Map<List<String>, AnswerStyle> styles = new HashMap<>();
        set.path("metadata").fields().forEachRemaining(model -> model.getValue().fields().forEachRemaining(answer -> {
            JsonNode found = answer.getValue();
            List<Integer> headers = new ArrayList<>();
            found.path("header_count").forEach(count -> headers.add(count.asInt()));
            styles.put(List.of(answer.getKey(), model.getKey()), new AnswerStyle(found.path("token_len").asInt(), new StyleCounts(headers,
                    found.path("list_count").path("ordered").asInt(), found.path("list_count").path("unordered").asInt(),
                    found.path("bold_count").path("**").asInt(), found.path("bold_count").path("__").asInt())));
        }));
        return (question, model) -> styles.get(List.of(question, model));
    }

    @Test
    void verdictsAreReadAsTheOfficialVersionsDo() {
        GOLDEN.path("verdicts").forEach(one -> {
            for (ArenaVersion version : ArenaVersion.values()) {
                JsonNode expected = one.path(version == ArenaVersion.V20 ? "v2" : "v01");
                assertThat(Verdict.read(one.path("text").asText(), version).label()).as(one.toString())
                        .isEqualTo(expected.isNull() ? null : expected.asText());
            }
        });
    }

    @Test
    void guarantee8VerdictsComeFromAClosedSet() {
        for (ArenaVersion version : ArenaVersion.values()) {
            assertThat(Verdict.of("A>>>B", version)).isEmpty();
            assertThat(Verdict.of("A", version)).isEmpty();
        }
        assertThat(Verdict.of("B<A", ArenaVersion.V01)).isEmpty();
        assertThat(Verdict.of("B<A", ArenaVersion.V20).orElseThrow().score()).isEqualTo(1);
        assertThat(Verdict.of("A<<B", ArenaVersion.V20).orElseThrow().weight()).isEqualTo(3);
        assertThat(Verdict.read("[[A>B]] or rather [[B>A]]", ArenaVersion.V20)).isEqualTo(new Verdict.Reading("B>A", true));
        ArenaJudgment odd = ArenaJudgment.of(new JsonFields((ObjectNode) Json.parse("{\"uid\": \"q\", \"judge\": \"j\", \"model\": \"m\","
                + " \"games\": [{\"score\": \"A>>>B\"}, {\"score\": \"A>B\"}]}", "row"), "row"), ArenaVersion.V20, "b");
        assertThat(odd.isUnparsed(0, ArenaVersion.V20)).isTrue();
        assertThat(odd.battles(ArenaVersion.V20)).isEmpty();
        assertThat(odd.battles(ArenaVersion.V01)).hasSize(1);
    }

    @Test
    void newScoresAreTheOfficialSteps() {
        GOLDEN.path("v2").forEach(set -> {
            List<Battle> battles = battles(set, ArenaVersion.V20);
            String baseline = set.path("baseline").asText();
            BattleDesign design = BattleDesign.of(battles, baseline, StyleFeature.ALL, styles(set), BattleDesign.Form.MODEL_FIRST);
            assertThat(design.models()).isEqualTo(texts(set.path("models")));
            assertThat(design.y()).containsExactly(GoldenNumbers.numbers(set.path("battle_scores")), within(0.0));
            for (int i = 0; i < set.path("features_first_rows").size(); i++) {
                double[] row = design.x()[i];
                assertThat(Arrays.copyOfRange(row, row.length - 4, row.length))
                        .containsExactly(GoldenNumbers.numbers(set.path("features_first_rows").get(i)), within(1e-12));
            }
            StyleControlledScore compatible = StyleControlledScore.of(battles, baseline, StyleFeature.ALL, styles(set), ArenaSolver.COMPATIBLE, RESAMPLES);
            assertThat(compatible.coefficients()).containsExactly(GoldenNumbers.numbers(set.path("float64_lbfgs50_coefs")), within(1e-8));
            for (JsonNode round : set.path("bootstrap_rounds")) {
                int[] drawn = Arrays.stream(GoldenNumbers.numbers(round.path("indices"))).mapToInt(i -> (int) i).toArray();
                assertThat(StyleControlledScore.solve(design, drawn, ArenaSolver.COMPATIBLE))
                        .containsExactly(GoldenNumbers.numbers(round.path("float64_coefs")), within(1e-8));
            }
            JsonNode bootstrap = set.path("bootstrap100_seed42").path("float64");
            for (ModelScore score : compatible.scores()) {
                assertThat(100 * score.point()).isCloseTo(100 * set.path("official_full_winrate").path(score.model()).asDouble(), within(0.01));
                assertThat(score.printed()).isCloseTo(bootstrap.path("median").path(score.model()).asDouble(), within(1e-8));
                assertThat(score.low()).isCloseTo(bootstrap.path("q05").path(score.model()).asDouble(), within(1e-8));
                assertThat(score.high()).isCloseTo(bootstrap.path("q95").path(score.model()).asDouble(), within(1e-8));
            }
        });
    }

    @Test
    void exactScoresAreTheMaximumOfTheLikelihood() {
        GOLDEN.path("v2").forEach(set -> {
            StyleControlledScore exact = StyleControlledScore.of(
                    battles(set, ArenaVersion.V20), set.path("baseline").asText(), StyleFeature.ALL, styles(set), ArenaSolver.EXACT, new Resamples(2, 42));
            assertThat(exact.coefficients()).containsExactly(GoldenNumbers.numbers(set.path("exact_mle_coefs")), within(1e-8));
            exact.scores().forEach(score ->
                    assertThat(score.point()).isCloseTo(set.path("exact_mle_winrate").path(score.model()).asDouble(), within(1e-8)));
        });
    }

    @Test
    void plainScoresAreTheOfficialMeans() {
        GOLDEN.path("v2").forEach(set -> PlainScore.of(battles(set, ArenaVersion.V20), RESAMPLES).forEach(score -> {
            assertThat(score.point()).isCloseTo(set.path("plain_mean_score").path(score.model()).asDouble(), within(1e-12));
            assertThat(score.printed()).isCloseTo(set.path("plain_official_bootstrap_mean").path(score.model()).asDouble(), within(0.01));
            assertThat(score.low()).isLessThan(score.point());
            assertThat(score.high()).isGreaterThan(score.point());
        }));
    }

    @Test
    void oldScoresAreTheExactOnes() {
        JsonNode set = GOLDEN.path("v01").path("v0.1_three_models");
        List<Battle> battles = battles(set, ArenaVersion.V01);
        String baseline = set.path("baseline").asText();
        assertThat(battles.stream().mapToInt(Battle::weight).sum()).isEqualTo(set.path("n_battles").asInt());
        for (boolean isStyled : new boolean[] {false, true}) {
            JsonNode golden = set.path(isStyled ? "style" : "bt");
            EloScore found = EloScore.of(battles, baseline, isStyled ? StyleFeature.ALL : List.of(), styles(set), RESAMPLES);
            for (int m = 0; m < found.models().size(); m++) {
                String model = found.models().get(m);
                ModelScore rating = found.ratings().get(m);
                assertThat(rating.point()).as(model).isCloseTo(golden.path("exact_elo").path(model).asDouble(), within(1e-6));
                assertThat(rating.point()).isCloseTo(golden.path("official_elo").path(model).asDouble(), within(0.2));
                assertThat(100 * found.winRates().get(m)).isCloseTo(golden.path("exact_win_rate").path(model).asDouble(), within(1e-6));
                JsonNode interval = golden.path("official_elo_ci95_seed42").path(model);
                double width = interval.get(1).asDouble() - interval.get(0).asDouble();
                assertThat(rating.low()).isCloseTo(interval.get(0).asDouble(), within(0.25 * width + 1e-9));
                assertThat(rating.high()).isCloseTo(interval.get(1).asDouble(), within(0.25 * width + 1e-9));
            }
            if (isStyled) {
                assertThat(found.styleCoefficients()).containsExactly(
                        StyleFeature.ALL.stream().mapToDouble(f -> golden.path("exact_style_coefs").path(f.id()).asDouble()).toArray(), within(1e-8));
            }
        }
    }

    @Test
    void guarantee10LengthOnlyAndMarkdownOnlyWork() {
        JsonNode set = GOLDEN.path("v2").path("v2_hard_prompt");
        List<Battle> battles = battles(set, ArenaVersion.V20);
        for (List<StyleFeature> features : List.of(StyleFeature.LENGTH, StyleFeature.MARKDOWN)) {
            StyleControlledScore found = StyleControlledScore.of(
                    battles, set.path("baseline").asText(), features, styles(set), ArenaSolver.EXACT, new Resamples(20, 1));
            assertThat(found.models()).hasSize(4);
            assertThat(found.coefficients()).hasSize(4 + features.size());
            // At the optimum each model's outcomes and their predictions have the same sum, and so has each feature.
            BattleDesign design = BattleDesign.of(battles, set.path("baseline").asText(), features, styles(set), BattleDesign.Form.MODEL_FIRST);
            for (int j = 0; j < design.columns(); j++) {
                int column = j;
                double[] residuals = new double[design.x().length];
                for (int i = 0; i < residuals.length; i++) {
                    residuals[i] = design.x()[i][column] * (org.metaapo.statistics.Logistic.sigmoid(
                            org.metaapo.statistics.Logistic.product(design.x()[i], found.coefficients())) - design.y()[i]);
                }
                assertThat(StatUtils.sum(residuals)).isCloseTo(0, within(1e-9));
            }
        }
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(text -> texts.add(text.asText()));
        return texts;
    }
}
