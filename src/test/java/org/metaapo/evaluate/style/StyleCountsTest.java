package org.metaapo.evaluate.style;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.metaapo.evaluate.GoldenNumbers;

class StyleCountsTest {
    @Test
    void markdownIsCountedAsTheOfficialCodeDoes() {
        GoldenNumbers.read("arena_hard.json.gz").path("markdown").forEach(one -> {
            JsonNode counts = one.path("counts");
            List<Integer> headers = new ArrayList<>();
            counts.path("header_count").forEach(count -> headers.add(count.asInt()));
            assertThat(StyleCounts.of(one.path("text").asText())).as(one.toString()).isEqualTo(new StyleCounts(
                    headers, counts.path("list_count").path("ordered").asInt(), counts.path("list_count").path("unordered").asInt(),
                    counts.path("bold_count").path("**").asInt(), counts.path("bold_count").path("__").asInt()));
        });
    }

    @Test
    void aColumnOfEqualNumbersIsNotControlledFor() {
        double[][] found = StyleDifferences.standardised(List.of(new double[] {0.1, 0.3, 0, 0}, new double[] {0.1, 0.5, 0, 0}), StyleFeature.ALL, 1);
        assertThat(found[0][0]).isZero();
        assertThat(found[0][1]).isCloseTo(-Math.sqrt(0.5), within(1e-14));
        assertThat(found[1][1]).isCloseTo(Math.sqrt(0.5), within(1e-14));
        assertThat(found[1][3]).isZero();
    }
}
