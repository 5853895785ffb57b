package org.metaapo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestTest {
    private static final List<String> KEYS = List.of(
            "max_length", "min_score", "max_prompt_length", "top_p", "top_k", "learning_rate", "weights", "seed", "k", "batch", "train");

    @ParameterizedTest
    @CsvSource({
        "max_lenght, max_length", "maxlength, max_length", "max-length, max_length", "maxLength, max_length", "MAX_LENGTH, max_length",
        "bach, batch", "btach, batch", "traim, train", "sede, seed", "weight, weights", "learning_rte, learning_rate", "max_promt_lenght, max_prompt_length",
    })
    void misspellings(String given, String meant) {
        assertThat(new Nearest(KEYS).to(given)).containsExactly(meant);
        assertThat(new Nearest(KEYS).hint(given)).isEqualTo("did you mean " + meant + "?");
    }

    /** Words that are none's misspelling, or some name's own word. */
    @ParameterizedTest
    @CsvSource({"min_length", "max_score", "top_n", "top", "length", "rate", "x", "kk", "seen", "max_prompt", "loss", "strain_gauge"})
    void nothingIsNear(String given) {
        assertThat(new Nearest(KEYS, List.of("seen")).to(given)).isEmpty();
        assertThat(new Nearest(KEYS, List.of("seen")).hint(given)).isEqualTo("expected one of " + String.join(", ", KEYS));
    }

    @Test
    void aWordAsLongAsAFileTakesNoMemory() {
        assertThat(new Nearest(KEYS).to("a".repeat(1 << 20))).isEmpty();
        assertThat(new Nearest(KEYS).to("a_".repeat(1 << 19))).isEmpty();
    }

    @Test
    void equallyNearOnesAreAllNamed() {
        assertThat(new Nearest(List.of("cat", "car", "dog")).to("caz")).containsExactly("cat", "car");
    }
}
