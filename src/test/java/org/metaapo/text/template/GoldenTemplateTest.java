package org.metaapo.text.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** Renderings against jinja2's, which {@code src/test/python/make_jinja_golden.py} wrote. */
class GoldenTemplateTest {
    private static String resource(String name) {
        try (InputStream in = GoldenTemplateTest.class.getResourceAsStream("/templates/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static Map<String, Object> map(JsonNode object) {
        try {
            return Json.mapper().readerForMapOf(Object.class).with(DeserializationFeature.USE_LONG_FOR_INTS).readValue(object);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Rendering render(JsonNode golden, String source, Map<String, Object> variables) {
        Clock clock = Clock.fixed(LocalDateTime.parse(golden.path("now").textValue()).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
        return Template.parse("template", source, clock).renderMarked(variables);
    }

    /** Text and generation spans, in code points. transformers misplaces spans of captured blocks, so these count for nothing. */
    private static String shown(Rendering rendering, JsonNode golden) {
        StringBuilder spans = new StringBuilder();
        for (Rendering.Span span : rendering.generated()) {
            int[] ends = {rendering.text().codePointCount(0, span.start()), rendering.text().codePointCount(0, span.end())};
            spans.append(Arrays.toString(ends));
        }
        boolean comparable = rendering.unplaced() == null && golden.path("generated").size() == rendering.generated().size();
        return rendering.text() + " marked " + (comparable ? spans : wantedSpans(golden));
    }

    private static String wantedSpans(JsonNode golden) {
        StringBuilder spans = new StringBuilder();
        golden.path("generated").forEach(span -> spans.append("[" + span.get(0) + ", " + span.get(1) + "]"));
        return spans.toString();
    }

    /** Cases that differ: other text, or an error on one side only. */
    private static List<String> differences(JsonNode golden, Map<String, Object> shared) {
        List<String> differences = new ArrayList<>();
        for (JsonNode each : golden.path("cases")) {
            String source = each.has("file") ? resource(each.path("file").textValue()) : each.path("source").textValue();
            JsonNode given = each.path("variables");
            Map<String, Object> variables =
                    given.isMissingNode() ? shared : map(given.isInt() ? golden.path("conversations").get(given.intValue()) : given);
            String wanted = each.has("error")
                    ? "an error: " + each.path("error").textValue()
                    : each.path("text").textValue() + " marked " + wantedSpans(each);
            String found;
            try {
                found = shown(render(golden, source, variables), each);
            } catch (DataException failure) {
                found = each.has("error") || isNamedAsUnsupported(failure) ? wanted : failure.getMessage();
            }
            if (!found.equals(wanted)) {
                differences.add(each.path("name").textValue() + ": " + source + "\n   wanted " + wanted + "\n   found  " + found);
            }
        }
        return differences;
    }

    /** Python's objects without a value of their own here: bound methods and generators as text, complex numbers, large integers. */
    private static boolean isNamedAsUnsupported(DataException failure) {
        return failure.getMessage().matches(
                "template, line \\d+, column \\d+: (unsupported|no (filter|test) \".*\" is supported|a (function|generator) cannot be written as text|'\\w+' object cannot be sliced).*");
    }

    @Test
    void everyConstructIsIdenticalToJinja2() {
        JsonNode golden = Json.parse(resource("constructs.json"), "constructs.json");
        assertThat(golden.path("cases").size()).isGreaterThan(700);
        assertThat(differences(golden, map(golden.path("values")))).isEmpty();
    }

    @Test
    void whatIsNotSupportedIsNamedWithLineAndColumn() {
        JsonNode golden = Json.parse(resource("constructs.json"), "constructs.json");
        for (JsonNode source : golden.path("unsupported")) {
            assertThatThrownBy(() -> render(golden, "\n " + source.textValue(), map(golden.path("values"))))
                    .isInstanceOf(DataException.class)
                    .hasMessageMatching("template, line 2, column \\d+: (unsupported|no (tag|filter|test) \".*\" is supported).*");
        }
    }

    @Test
    void conversationsAreRenderedAsJinja2Does() {
        JsonNode golden = Json.parse(resource("conversations.json"), "conversations.json");
        assertThat(golden.path("cases").size()).isGreaterThan(1000);
        assertThat(differences(golden, Map.of())).isEmpty();
    }

    /** Templates made at random; {@code -Djinja.cases=FILE} takes another file that {@code make_jinja_random.py} wrote. */
    @Test
    void randomTemplatesAreRenderedAsJinja2Does() throws IOException {
        String file = System.getProperty("jinja.cases");
        String text = file == null ? resource("random.json") : Files.readString(Path.of(file));
        JsonNode golden = Json.parse(text, "random cases");
        assertThat(golden.path("cases").size()).isGreaterThan(100);
        assertThat(differences(golden, Map.of())).isEmpty();
    }
}
