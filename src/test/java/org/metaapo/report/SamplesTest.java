package org.metaapo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The rows of a run's samples: numbers in memory, texts from the disk, and nothing from outside of the folder. */
class SamplesTest {
    private static final long LONG = Long.MAX_VALUE / 2;

    @TempDir
    Path temp;

    private Path run;
    private Samples samples;

    @BeforeEach
    void folder() throws IOException {
        run = Files.createDirectories(temp.resolve("run/samples")).getParent();
        samples = new Samples(new RunFiles(run));
    }

    private static String row(int row, double w, double u, String more) {
        return "{\"row\":" + row + ",\"source\":\"pairs.jsonl:" + row + "\",\"prompt\":\"Prompt " + row + "\",\"chosen\":\"yes\",\"rejected\":\"no\",\"score\":-0.5,"
                + "\"weight\":" + w + ",\"uniform\":" + u + "," + more + "}\n";
    }

    private static final String SAMPLED = "\"sampled\":true,\"answers\":[{\"text\":\"A Purple cow\",\"reward\":1.5,\"tokens\":3,\"finish\":\"stop\"},"
            + "{\"text\":\"b\",\"reward\":null,\"tokens\":1,\"finish\":\"length\"},{\"text\":\"c\",\"reward\":-0.5,\"tokens\":2,\"finish\":\"stop\"}],"
            + "\"online_chosen\":0,\"online_rejected\":2,\"reward_chosen\":1.0,\"reward_rejected\":0.25";

    private void write(String name, String... rows) throws IOException {
        Files.writeString(run.resolve("samples").resolve(name), String.join("", rows));
    }

    @Test
    void numbersAreIndexedAndTextsFetched() throws IOException {
        write("epoch-000-slice-0000.jsonl", row(7, 0.3, 0.8, SAMPLED), row(8, 0.4, 0.1, "\"sampled\":false"), row(9, 0.35, 0.9, SAMPLED.replace("1.0", "2.0")));
        assertThat(samples.refresh(LONG)).containsExactly("0.0");
        JsonNode summary = samples.summary("0.0");
        assertThat(summary.path("rows").asInt()).isEqualTo(3);
        assertThat(summary.path("sampled").asInt()).isEqualTo(2);
        assertThat(summary.path("online_wins").asDouble()).isEqualTo(0.5);
        assertThat(summary.path("online_margin").asDouble()).isEqualTo(0);
        assertThat(summary.path("reward_mean").asDouble()).isEqualTo(0.5);
        assertThat(summary.path("first").asInt() + summary.path("bins").size()).isEqualTo(41);
        JsonNode columns = samples.columns("0.0", 100);
        assertThat(columns.path("row").toString()).isEqualTo("[7,8,9]");
        assertThat(columns.path("sampled").toString()).isEqualTo("[1,0,1]");
        assertThat(columns.path("best").toString()).isEqualTo("[1.5,null,1.5]");
        assertThat(columns.path("uniform").get(0).asDouble()).isCloseTo(0.8, within(1e-6));
        assertThat(samples.columns("0.0", 2).path("index").toString()).isEqualTo("[0,2]");
        assertThat(samples.row("0.0", 1).path("prompt").asText()).isEqualTo("Prompt 8");
        assertThat(samples.row("0.0", 3)).isNull();
        assertThat(samples.row("0.1", 0)).isNull();
        assertThat(samples.prompts("0.0", new int[] {2, 0, 99}).toString()).isEqualTo("[\"Prompt 9\",\"Prompt 7\",null]");
        assertThat(samples.lowestScore()).isEqualTo(-0.5);
    }

    @Test
    void aRowIsFollowedOverEpochs() throws IOException {
        write("epoch-000-slice-0000.jsonl", row(1, 0.3, 0.8, SAMPLED), row(2, 0.3, 0.1, "\"sampled\":false"));
        write("epoch-001-slice-0000.jsonl", row(2, 0.2, 0.4, SAMPLED), row(1, 0.1, 0.05, "\"sampled\":false"));
        samples.refresh(LONG);
        JsonNode history = samples.row("0.0", 1).path("history");
        assertThat(history.findValuesAsText("weight")).containsExactly("0.3", "0.2");
        assertThat(history.findValuesAsText("sampled")).containsExactly("false", "true");
    }

    @Test
    void aTextIsFoundInPromptsAndAnswersAlone() throws IOException {
        write("epoch-000-slice-0000.jsonl", row(1, 0.3, 0.8, SAMPLED), row(2, 0.3, 0.1, "\"sampled\":false"));
        samples.refresh(LONG);
        assertThat(samples.find("0.0", "purple COW").toString()).isEqualTo("[0]");
        assertThat(samples.find("0.0", "prompt 2").toString()).isEqualTo("[1]");
        assertThat(samples.find("0.0", "pairs.jsonl")).isEmpty();
        assertThat(samples.find("0.0", "weight")).isEmpty();
    }

    @Test
    void aFileThatIsWrittenAnewIsReadAnewAndOneThatIsGoneForgotten() throws IOException {
        write("epoch-000-slice-0000.jsonl", row(1, 0.3, 0.8, SAMPLED));
        assertThat(samples.refresh(LONG)).hasSize(1);
        assertThat(samples.refresh(LONG)).isEmpty();
        write("epoch-000-slice-0000.jsonl", row(3, 0.3, 0.8, SAMPLED), row(4, 0.3, 0.1, "\"sampled\":false"));
        assertThat(samples.refresh(LONG)).containsExactly("0.0");
        assertThat(samples.row("0.0", 1).path("row").asInt()).isEqualTo(4);
        Files.delete(run.resolve("samples/epoch-000-slice-0000.jsonl"));
        assertThat(samples.row("0.0", 1)).as("gone, and not yet noticed").isNull();
        assertThat(samples.refresh(LONG)).containsExactly("0.0");
        assertThat(samples.keys()).isEmpty();
    }

    @Test
    void linksAreNotFollowed() throws IOException {
        Path secret = Files.writeString(temp.resolve("secret.jsonl"), row(1, 0.3, 0.8, SAMPLED));
        Files.createSymbolicLink(run.resolve("samples/epoch-000-slice-0000.jsonl"), secret);
        Files.createSymbolicLink(run.resolve("config.yaml"), secret);
        Files.createDirectory(run.resolve("samples/epoch-000-slice-0001.jsonl"));
        assertThat(samples.refresh(LONG)).isEmpty();
        assertThat(new RunFiles(run).read("config.yaml", 1 << 20)).isNull();

        Path outside = Files.createDirectory(temp.resolve("outside"));
        Files.writeString(outside.resolve("epoch-000-slice-0000.jsonl"), row(1, 0.3, 0.8, SAMPLED));
        Path other = Files.createDirectory(temp.resolve("other"));
        Files.createSymbolicLink(other.resolve("samples"), outside);
        assertThat(new Samples(new RunFiles(other)).refresh(LONG)).isEmpty();
        // The folder that was named may itself be reached by a link.
        write("epoch-000-slice-0002.jsonl", row(1, 0.3, 0.8, SAMPLED));
        Path latest = Files.createSymbolicLink(temp.resolve("latest"), run);
        assertThat(new Samples(new RunFiles(latest)).refresh(LONG)).containsExactly("0.2");
    }

    @Test
    void brokenRowsAreLeftOut() throws IOException {
        write("epoch-000-slice-0000.jsonl", "{\"row\":1,\n", "[]\n", "\n", row(2, 0.3, 0.8, SAMPLED), "{\"row\":5");
        samples.refresh(LONG);
        JsonNode columns = samples.columns("0.0", 10);
        assertThat(columns.path("row").toString()).isEqualTo("[2]");
        assertThat(samples.row("0.0", 0).path("row").asInt()).isEqualTo(2);
    }
}
