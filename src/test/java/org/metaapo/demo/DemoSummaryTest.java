package org.metaapo.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoSummaryTest {
    @TempDir
    Path temp;

    private String text(WorldTerms terms) throws IOException {
        Files.createDirectories(temp.resolve("model"));
        Files.writeString(temp.resolve("metrics.jsonl"),
                "{\"kind\":\"end\",\"prompts_seen\":20,\"prompts_sampled\":5,\"answers_annotated\":40}\n");
        List<Request> requests = new World(terms, 1).requests(60);
        List<String> before = requests.stream().map(request -> "obviously , " + String.join(" ", request.answer())).toList();
        List<String> after = requests.stream().map(request -> String.join(" ", request.answer()) + " hope that helps").toList();
        return new DemoSummary(terms, requests, before, after, temp, 1).text(3);
    }

    @Test
    void itSaysWhatCameOfEachKindAndOfWhichThePairsAreStale() throws IOException {
        assertThat(text(WorldTerms.DEMO)).contains("gain on count (stale pairs)", "gain on sort (stale pairs)", "two kinds of prompt")
                .containsPattern("rose\\s+from\\s+1.50\\s+to\\s+2.50").doesNotContain("lore", "(unknown").matches(DemoSummaryTest::isNarrow);
        assertThat(text(WorldTerms.PAPER)).contains("gain on count (stale pairs)", "gain on lore (unknown before)", "+1.000")
                .containsPattern("25\\s+%\\s+of\\s+the\\s+prompts").containsPattern("one kind of\\s+prompt").matches(DemoSummaryTest::isNarrow);
    }

    private static boolean isNarrow(String text) {
        return text.lines().allMatch(line -> line.length() <= 110);
    }
}
