package org.metaapo.evaluate.mtbench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.metaapo.evaluate.GoldenNumbers;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.files.Json;

/** MT-Bench's numbers against the official code's. */
class MtBenchStatisticsTest {
    private static final JsonNode GOLDEN = GoldenNumbers.read("mt_bench.json");
    private static final List<String> CATEGORIES = List.of("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities");

    @Test
    void ratingsAreTheOfficialOnesFrom1To10() {
        GOLDEN.path("rating_regex").forEach(one -> {
            Rating found = Rating.of(one.path("judgment").asText());
            // There 0 and 11 pass, −1 stands for none, and 07 ends the program.
            boolean isScore = one.path("score").isNumber() && Rating.isScore(one.path("score").asDouble());
            assertThat(found.score()).as(one.toString()).isEqualTo(isScore ? Double.valueOf(one.path("score").asDouble()) : null);
        });
        assertThat(Rating.of("[[1]] [[2]]").isConflicting()).isTrue();
        assertThat(Rating.of("[[11]]").written()).isEqualTo("11");
        GOLDEN.path("pairwise_verdicts").forEach(one -> {
            PairWinner expected = switch (one.path("winner").asText()) {
                case "A" -> PairWinner.MODEL_1;
                case "B" -> PairWinner.MODEL_2;
                case "tie" -> PairWinner.TIE;
                default -> PairWinner.ERROR;
            };
            assertThat(PairWinner.of(one.path("judgment").asText(), true)).isEqualTo(expected);
        });
    }

    @Test
    void meansAreTheOfficialOnes() {
        GOLDEN.path("single").path("golden").fields().forEachRemaining(model -> {
            List<SingleJudgment> rows = new ArrayList<>();
            GOLDEN.path("single").path("rows").forEach(row -> {
                if (row.get(1).asText().equals(model.getKey())) {
                    rows.add(SingleJudgment.of(new JsonFields(Json.mapper().createObjectNode().put("judge", "j").put("question_id", row.get(0).asInt())
                            .put("model", model.getKey()).put("turn", row.get(2).asInt()).put("score", row.get(3).asDouble()), "row")));
                }
            });
            TurnMeans found = TurnMeans.of(rows, question -> CATEGORIES.get((question - 81) / 10), 200, 42);
            JsonNode golden = model.getValue();
            assertThat(found.first()).isCloseTo(golden.path("first_turn").asDouble(), within(1e-12));
            assertThat(found.second()).isCloseTo(golden.path("second_turn").asDouble(), within(1e-12));
            assertThat(found.average()).isCloseTo(golden.path("average").asDouble(), within(1e-12)).isBetween(found.low(), found.high());
            assertThat(found.firstCount()).isEqualTo(golden.path("n_first").asInt());
            assertThat(found.secondCount()).isEqualTo(golden.path("n_second").asInt());
            assertThat(160 - found.firstCount() - found.secondCount()).isEqualTo(golden.path("n_missing").asInt());
            assertThat(found.categories().keySet()).containsExactlyElementsOf(CATEGORIES);
            found.categories().forEach((category, mean) ->
                    assertThat(mean).isCloseTo(golden.path("by_category").path(category).asDouble(), within(1e-12)));
        });
    }

    @Test
    void pairwiseRatesAreTheOfficialOnes() {
        List<PairJudgment> rows = new ArrayList<>();
        GOLDEN.path("pairwise").path("rows").forEach(row -> rows.add(new PairJudgment(
                row.get(0).asInt(), row.get(1).asText(), row.get(2).asText(), row.get(5).asInt(), null,
                PairWinner.valueOf(row.get(3).asText().toUpperCase(java.util.Locale.ROOT)),
                PairWinner.valueOf(row.get(4).asText().toUpperCase(java.util.Locale.ROOT)), true, 0, null)));
        GOLDEN.path("pairwise").path("golden").fields().forEachRemaining(model -> {
            PairRates found = PairRates.of(rows, model.getKey());
            JsonNode golden = model.getValue();
            assertThat(List.of(found.wins(), found.losses(), found.ties())).isEqualTo(List.of(
                    golden.path("win").asInt(), golden.path("loss").asInt(), golden.path("tie").asInt()));
            assertThat(found.winRate()).isCloseTo(golden.path("win_rate").asDouble(), within(1e-12));
            assertThat(found.lossRate()).isCloseTo(golden.path("loss_rate").asDouble(), within(1e-12));
            assertThat(found.winRateAdjusted()).isCloseTo(golden.path("win_rate_adjusted").asDouble(), within(1e-12));
        });
    }
}
