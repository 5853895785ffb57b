package org.metaapo.text.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
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

    private static String render(JsonNode golden, String source, Map<String, Object> variables) {
        Clock clock = Clock.fixed(LocalDateTime.parse(golden.path("now").textValue()).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
        return Template.parse("template", source, clock).render(variables);
    }

    /** Cases that differ: other text, or an error on one side only. */
    private static List<String> differences(JsonNode golden, Map<String, Object> shared) {
        List<String> differences = new ArrayList<>();
        for (JsonNode each : golden.path("cases")) {
            String source = each.has("file") ? resource(each.path("file").textValue()) : each.path("source").textValue();
            Map<String, Object> variables = each.has("variables") ? map(each.path("variables")) : shared;
            String wanted = each.has("error") ? "an error: " + each.path("error").textValue() : each.path("text").textValue();
            String found;
            try {
                found = render(golden, source, variables);
            } catch (DataException failure) {
                found = each.has("error") ? wanted : failure.getMessage();
            }
            if (!found.equals(wanted)) {
                differences.add(each.path("name").textValue() + ": " + source + "\n   wanted " + wanted + "\n   found  " + found);
            }
        }
        return differences;
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
        assertThat(golden.path("cases").size()).isGreaterThan(400);
        assertThat(differences(golden, Map.of())).isEmpty();
    }
}
