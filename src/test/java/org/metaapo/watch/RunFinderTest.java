package org.metaapo.watch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFinderTest {
    @TempDir
    Path folder;

    private void make(String... names) throws IOException {
        for (String name : names) {
            Files.createFile(Files.createDirectories(folder.resolve(name)).resolve("metrics.jsonl"));
        }
    }

    @Test
    void runsBelowAFolderAreInTheOrderOfTheirNumbers() throws IOException {
        make("seed-10", "seed-2", "seed-1", "a/lr-1e-10", "a/lr-1e-9", "b", "seed-02", "n-123456789012345678901234567890");
        assertThat(new RunFinder(List.of(folder)).find().stream().map(run -> folder.relativize(run).toString()))
                .containsExactly("a/lr-1e-9", "a/lr-1e-10", "b", "n-123456789012345678901234567890", "seed-1", "seed-02", "seed-2", "seed-10");
    }

    @Test
    void whatIsGivenStaysInItsOrder() throws IOException {
        make("seed-10", "seed-2", "others/x");
        List<Path> given = List.of(folder.resolve("seed-10"), folder.resolve("others"), folder.resolve("seed-2"));
        assertThat(new RunFinder(given).find()).containsExactly(folder.resolve("seed-10"), folder.resolve("others/x"), folder.resolve("seed-2"));
    }
}
