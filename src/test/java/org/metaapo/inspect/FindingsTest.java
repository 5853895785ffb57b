package org.metaapo.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.data.RowFilter;
import org.metaapo.engine.Dtype;
import org.metaapo.files.Fixtures;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Tokenizer;

/** Judgements of numbers that no data can bring about. */
class FindingsTest {
    private static List<Finding> findings(Dtype dtype, int pairs, double loss) {
        Path model = Fixtures.path("tiny-llama");
        ChatOptions chat = new ChatOptions(false, null, false);
        try (Tokenizer tokenizer = Tokenizer.load(model)) {
            ChatFormat format = ChatFormat.load(model, tokenizer, new int[] {484}, chat);
            InspectOptions options = new InspectOptions(
                    model, null, null, List.of(), 0, 0, 64, 32, RowFilter.NONE, false, chat, Map.of(), null, null, 8, null, null);
            StepZero zero = new StepZero(dtype, 8, pairs, -1, -1, -1, -1, -6, loss, 0.5, Map.of());
            return Findings.of(new Statistics(format, 64), options, format, null, null, zero);
        }
    }

    @Test
    void theLossBeforeAnyStepIsLn2() {
        assertThat(findings(Dtype.F32, 8, Math.log(2) + 5e-5)).isEmpty();
        assertThat(findings(Dtype.BF16, 8, Math.log(2) + 1e-2)).isEmpty();
        assertThat(findings(Dtype.F32, 0, Double.NaN)).as("no pairs, no loss").isEmpty();
        for (double loss : new double[] {Math.log(2) - 2e-4, Math.log(2) + 2e-4, 0, Double.NaN}) {
            List<Finding> found = findings(Dtype.F32, 8, loss);
            assertThat(found).extracting(Finding::name).containsExactly("step-zero-loss");
            assertThat(found.get(0).error()).isTrue();
            assertThat(found.get(0).message()).contains("expected ln 2 = 0.693147");
        }
        assertThat(findings(Dtype.BF16, 8, Math.log(2) + 3e-2)).extracting(Finding::name).containsExactly("step-zero-loss");
    }
}
