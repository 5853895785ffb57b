package org.metaapo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** Splits of folders, against those that datasets 5.2 finds in folders of the same names. */
class DatasetFolderTest {
    private static final String ROW = "{\"prompt\": \"p\", \"chosen\": \"c\", \"rejected\": \"r\"}\n";

    @TempDir
    Path temp;

    private Path folder(String name, String... files) throws IOException {
        return folder(name, List.of(files));
    }

    private Path folder(String name, List<String> files) throws IOException {
        Path folder = Files.createDirectories(temp.resolve(name));
        for (String file : files) {
            Files.createDirectories(folder.resolve(file).getParent());
            Files.writeString(folder.resolve(file), ROW);
        }
        return folder;
    }

    private static List<String> names(Path folder, String split) {
        return DatasetFolder.files(folder, split, true).stream().map(file -> folder.relativize(file).toString()).toList();
    }

    private static List<String> texts(JsonNode list) {
        return Json.mapper().convertValue(list, Json.mapper().getTypeFactory().constructCollectionType(List.class, String.class));
    }

    @Test
    void aShardThatIsNotThereIsNamed() throws IOException {
        for (String start : List.of("", "data/")) {
            Path gap = folder("gap" + start.length(), start + "train-00000-of-00003.jsonl", start + "train-00002-of-00003.jsonl");
            assertThatThrownBy(() -> DataPaths.resolve(gap, "train")).isInstanceOf(DataException.class)
                    .hasMessageContaining(start + "train-00001-of-00003.jsonl: no such file, and train-00000-of-00003.jsonl is one of 3");
            assertThat(DataPaths.resolve(gap.resolve(start + "train-*"), "train")).as("a pattern means what is there").hasSize(2);
        }
        assertThat(DataPaths.resolve(folder("whole", "train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"), "train")).hasSize(2);
        assertThat(DataPaths.resolve(folder("fromOne", "train-00001-of-00002.jsonl", "train-00002-of-00002.jsonl"), "train")).hasSize(2);
    }

    @Test
    void splitsAreThoseOfDatasets() throws IOException {
        JsonNode cases = Json.read(Path.of("src/test/resources/data/layouts.golden.json"));
        assertThat(cases.size()).isGreaterThan(150);
        int number = 0;
        for (JsonNode layout : cases) {
            Path folder = folder("case" + number++, texts(layout.path("files")));
            if (layout.has("readme")) {
                Files.writeString(folder.resolve("README.md"), layout.path("readme").asText());
            }
            if (layout.path("splits").isNull()) {
                assertThatThrownBy(() -> names(folder, "train")).as(layout.toString()).isInstanceOf(DataException.class)
                        .hasMessageContaining("names several configurations and no default (main, socratic)");
                continue;
            }
            Set<String> splits = new TreeSet<>(Set.of("train", "test", "validation"));
            layout.path("splits").fieldNames().forEachRemaining(splits::add);
            for (String split : splits) {
                if (layout.path("splits").has(split)) {
                    assertThat(names(folder, split)).as(split + " of " + layout).isEqualTo(texts(layout.path("splits").path(split)));
                } else {
                    assertThatThrownBy(() -> names(folder, split)).as(split + " of " + layout).hasMessageContaining("no split " + split);
                }
            }
        }
    }

    @Test
    void aFolderWithoutNamedSplitsIsWhatItIsGivenFor() throws IOException {
        Path folder = folder("test-data/mine", "part-00000-5f3e-c000.jsonl", "part-00001-5f3e-c000.jsonl");
        for (String split : List.of("train", "test")) {
            assertThat(DataPaths.resolve(folder, split)).hasSize(2);
        }
        assertThatThrownBy(() -> DataPaths.resolve(Path.of(folder + "#validation"), "train"))
                .hasMessageContaining("no split validation: neither files nor folders are named after splits");
    }

    @Test
    void foldersNamedAfterAColumnsValueAreSplits() throws IOException {
        Path folder = folder("hive", "split=train/part-0.jsonl", "split=test/part-0.jsonl");
        assertThat(names(folder, "train")).containsExactly("split=train/part-0.jsonl");
    }

    @Test
    void aLinkToAFolderIsFollowedAndABrokenOneToAFileIsTold() throws IOException {
        Path folder = folder("linked", "train-0.jsonl");
        Path link = Files.createSymbolicLink(temp.resolve("link"), folder);
        assertThat(DataPaths.resolve(link, "train")).hasSize(1);
        Files.createSymbolicLink(folder.resolve("train-1.jsonl"), temp.resolve("gone"));
        assertThatThrownBy(() -> DataPaths.resolve(link, "train")).isInstanceOf(DataException.class)
                .hasMessageContaining("train-1.jsonl: cannot be read: no such file");
    }

    @Test
    @DisplayName("two formats in a split are mostly the same rows twice")
    void aSplitHasFilesOfOneFormatThatIsRead() throws IOException {
        Path folder = folder("mixed", "train.jsonl", "train.csv");
        Files.writeString(folder.resolve("train.csv"), "prompt,chosen,rejected\na,b,c\n");
        assertThatThrownBy(() -> names(folder, "train")).isInstanceOf(DataException.class).hasMessageContaining("train.csv: a table of comma")
                .hasMessageContaining("name those that are meant by a pattern");
        Files.delete(folder.resolve("train.csv"));
        Files.copy(Path.of("examples/data/pairs.parquet"), folder.resolve("train.parquet"));
        assertThatThrownBy(() -> names(folder, "train")).hasMessageContaining("two formats");
        Files.delete(folder.resolve("train.jsonl"));
        assertThat(names(folder, "train")).containsExactly("train.parquet");
    }

    @Test
    void aCardThatIsNoYamlOrNamesAbsentFilesIsOneLine() throws IOException {
        Path folder = folder("card", "train.jsonl");
        Files.writeString(folder.resolve("README.md"), "---\nconfigs: [\n---\n");
        assertThatThrownBy(() -> names(folder, "train")).isInstanceOf(DataException.class).hasMessageContaining("README.md").hasMessageContaining("not YAML");
        Files.writeString(folder.resolve("README.md"),
                "---\nconfigs:\n- config_name: a\n  data_files:\n  - split: train\n    path: train.jsonl\n  - split: extra\n    path: extra/*\n---\n");
        assertThat(names(folder, "train")).containsExactly("train.jsonl");
        assertThatThrownBy(() -> names(folder, "extra")).hasMessageContaining("none of the files is there that README.md names for split extra");
        Files.writeString(folder.resolve("README.md"), "---\nconfigs:\n- config_name: a\n  data_files:\n  - split: train\n---\n");
        assertThatThrownBy(() -> names(folder, "train")).hasMessageContaining("README.md:5: data_files: expected a pattern");
        Files.writeString(folder.resolve("README.md"), "---\nconfigs:\n- config_name: a\n  data_dir: ../card\n---\n");
        assertThat(names(folder, "train")).containsExactly("train.jsonl");
    }
}
