package org.metaapo.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.train.RunFolder;

class SliceWeightsTest {
    @TempDir
    Path temp;

    private void write(String name, String... lines) throws IOException {
        Path file = temp.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, String.join("\n", lines) + "\n");
    }

    private static String row(double weight, String chosen, String rejected, String online) {
        return "{\"prompt\":\"p\",\"chosen\":\"" + chosen + "\",\"rejected\":\"" + rejected + "\",\"weight\":" + weight + ",\"sampled\":" + (online != null)
                + (online == null ? "" : online.isEmpty() ? ",\"answers\":[]" : ",\"answers\":[" + online + "],\"online_chosen\":1,\"online_rejected\":0") + "}";
    }

    private static String answers(String rejected, String chosen) {
        return "{\"text\":\"" + rejected + "\"},{\"text\":\"" + chosen + "\"}";
    }

    @Test
    void whatTheLearnerSawAndSaidIsToldSliceBySlice() throws IOException {
        RunFolder run = new RunFolder(temp);
        // The first update's step is the last of the first slice.
        write("metrics.jsonl", "{\"kind\":\"start\"}", "{\"kind\":\"slice\",\"epoch\":0,\"slice\":0,\"step\":0}", "{\"step\":1}",
                "{\"kind\":\"slice\",\"epoch\":0,\"slice\":1,\"step\":2}", "{\"kind\":\"slice\",\"epoch\":1,\"slice\":0,\"step\":2}", "{\"kind\":\"end\"}");
        write("meta-buffer.jsonl", "{\"step\":2,\"rows\":[[-0.5,0.9,0.6],[-0.6,0.9,0.7],[-0.7,0.9,0.8],[-0.8,0.9,1.0]]}", "{\"step\":4,\"rows\":[[-0.4,0.25,0.2,0.4]]}");
        // The gold reward of an answer is the number that it is: online pairs differ by 3, 2 and −1, offline ones by 0, 1 and 1.
        write("samples/epoch-000-slice-0000.jsonl",
                row(0.1, "1", "1", answers("0", "3")), row(0.2, "2", "1", answers("1", "3")), row(0.3, "1", "0", answers("2", "1")),
                row(0.8, "1", "0", null), row(0.6, "1", "0", ""));
        // The second slice has no row to train on, and no step. Of the third, the samples were taken away.
        write("samples/epoch-000-slice-0001.jsonl", row(0.9, "1", "0", null));

        List<SliceWeights> slices = SliceWeights.of(run, (prompt, answer) -> Double.parseDouble(answer));
        assertThat(slices).hasSize(3);
        SliceWeights first = slices.get(0);
        assertThat(first.weight()).isCloseTo(0.4, within(1e-12));
        assertThat(first.sampled()).isCloseTo(0.8, within(1e-12));
        assertThat(first.gradient()).isCloseTo((0.3 + 0.2 + 0.1 - 0.1) / 4, within(1e-12));
        assertThat(first.down()).isEqualTo(0.75);
        assertThat(first.byScore()).isCloseTo(1, within(1e-12));
        assertThat(first.online()).isCloseTo(2.0 / 3, within(1e-12));
        assertThat(first.offline()).as("an equal pair is half right").isCloseTo(2.5 / 3, within(1e-12));
        assertThat(first.advantage()).isCloseTo((3 + 1 - 2) / 3.0, within(1e-12));
        assertThat(first.byAdvantage()).isCloseTo(-1, within(1e-12));
        assertThat(slices.get(1).weight()).isEqualTo(0.9);
        assertThat(slices.get(1).sampled()).isZero();
        assertThat(slices.get(1).gradient()).isNaN();
        SliceWeights third = slices.get(2);
        assertThat(third.gradient()).isCloseTo(-0.2, within(1e-12));
        assertThat(third.weight()).isNaN();
        assertThat(third.byScore()).isNaN();
        assertThat(third.advantage()).isNaN();
        assertThat(third.online()).isNaN();
    }

    @Test
    void withoutAGoldRewardThereIsTheGradientAlone() throws IOException {
        write("metrics.jsonl", "{\"kind\":\"slice\",\"epoch\":0,\"slice\":0,\"step\":0}");
        write("meta-buffer.jsonl", "{\"step\":2,\"rows\":[[-0.5,0.9,0.6]]}");
        write("samples/epoch-000-slice-0000.jsonl", row(0.1, "a", "b", answers("c", "d")));
        SliceWeights slice = SliceWeights.of(new RunFolder(temp), (prompt, answer) -> Double.NaN).get(0);
        assertThat(slice.gradient()).isCloseTo(0.3, within(1e-12));
        assertThat(slice.online()).isNaN();
        assertThat(slice.advantage()).isNaN();
    }

    @Test
    void aRunWithoutALearnerHasNone() {
        assertThat(SliceWeights.of(new RunFolder(temp), (prompt, answer) -> 0)).isEmpty();
    }
}
