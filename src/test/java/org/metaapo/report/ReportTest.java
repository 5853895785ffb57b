package org.metaapo.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.files.Json;
import org.metaapo.train.RunFolder;

class ReportTest {
    @TempDir
    Path temp;

    @Test
    void hostileTextsStayDataAndNothingIsFetched() throws IOException {
        String hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)> /*STYLES*/ /*SCRIPTS*/ \u2028";
        Files.writeString(temp.resolve("metrics.jsonl"), "{\"kind\":\"start\",\"recipe\":\"metaapo\"}\n{\"step\":1,\"loss\":0.5,\"seconds\":1}\n");
        Files.createDirectories(temp.resolve("samples"));
        Files.writeString(temp.resolve("samples/epoch-000-slice-0000.jsonl"),
                "{\"row\":0,\"prompt\":" + Json.write(hostile) + ",\"chosen\":\"a\",\"rejected\":\"b\",\"score\":-1,\"weight\":0.3,\"sampled\":false}\n");
        Report.write(new RunFolder(temp));
        String page = Files.readString(temp.resolve("report.html"));
        assertThat(page).doesNotContain("<script>alert", "<img src=x").contains("\\u003c/script>\\u003cscript>alert(1)");
        assertThat(page).doesNotContain("src=\"", "href=\"", "http://", "@import", "/*BODY*/");
        assertThat(page.split("<script")).as("each element is closed").hasSameSizeAs(page.split("</script>"));
        assertThat(data(page).at("/runs/0/rows/0.0/texts/0/prompt").asText()).isEqualTo(hostile);
    }

    private static JsonNode data(String page) {
        String start = "<script id=\"data\" type=\"application/json\">";
        int from = page.indexOf(start) + start.length();
        return Json.parse(page.substring(from, page.indexOf("</script>", from)), "report.html");
    }
}
