package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The examples of docs/data.md work, each in the layout that the page says. */
class DataExamplesTest {
    private static final Path EXAMPLES = Path.of("examples/data");
    private static final Map<String, Schema> LAYOUTS = Map.of(
            "messages", Schema.MESSAGES, "tools", Schema.MESSAGES, "completion", Schema.COMPLETION, "unpaired", Schema.UNPAIRED,
            "scored", Schema.SCORED, "responses", Schema.RESPONSES, "ultrafeedback", Schema.ULTRAFEEDBACK, "prompts", Schema.PROMPT);

    private static DataFiles.Loaded load(Path path) {
        return DataFiles.load(List.of(path), DataFiles.Options.STRICT);
    }

    @Test
    void everyExampleIsRead() throws IOException {
        String page = Files.readString(Path.of("docs/data.md"));
        try (var files = Files.list(EXAMPLES)) {
            for (Path file : files.filter(Files::isRegularFile).collect(Collectors.toList())) {
                String name = file.getFileName().toString();
                DataFiles.Loaded loaded = load(file);
                Schema expected = LAYOUTS.getOrDefault(name.replaceAll("\\..*", ""), Schema.PAIR);
                assertThat(loaded.schemas().values()).as(name).containsExactly(expected);
                assertThat(page).contains("`" + name + "`");
                Row row = loaded.rows().get(0);
                assertThat(row.prompt().shown()).as(name).isNotEmpty();
                if (List.of(Schema.PAIR, Schema.SCORED, Schema.ULTRAFEEDBACK).contains(expected)) {
                    assertThat(row.chosen().text()).as(name).isEqualTo("Seven.");
                    assertThat(row.rejected().text()).as(name).isNotEqualTo("Seven.");
                }
            }
        }
    }

    @Test
    void theFolderHasSplits() {
        Path folder = EXAMPLES.resolve("dataset");
        assertThat(load(folder).rows()).hasSize(2);
        assertThat(load(Path.of(folder + "#test")).rows()).hasSize(1);
        assertThat(load(EXAMPLES.resolve("dataset/data/train-*.jsonl")).rows()).hasSize(2);
    }
}
