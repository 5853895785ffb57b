package org.metaapo.text.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;

/** Byte for byte what jinja2 renders (src/test/python/make_template_golden.py), and nothing that a template may not do. */
class TemplateTest {
    private static JsonNode read(String name) {
        try {
            return Json.read(Path.of(TemplateTest.class.getResource("/templates/" + name).toURI()));
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static Object value(JsonNode node) {
        if (node.isObject()) {
            Map<String, Object> map = new LinkedHashMap<>();
            node.properties().forEach(entry -> map.put(entry.getKey(), value(entry.getValue())));
            return map;
        }
        if (node.isArray()) {
            List<Object> list = new ArrayList<>();
            node.forEach(item -> list.add(value(item)));
            return list;
        }
        return node.isTextual() ? node.asText() : node.isBoolean() ? (Object) node.asBoolean() : node.isNull() ? null
                : node.isIntegralNumber() ? (Object) node.asLong() : (Object) node.asDouble();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> variables(JsonNode node) {
        return (Map<String, Object>) value(node);
    }

    @TestFactory
    Stream<DynamicTest> everyConstructRendersAsJinja2() {
        JsonNode cases = read("cases.json");
        JsonNode golden = read("golden.json");
        List<DynamicTest> tests = new ArrayList<>();
        int n = cases.path("variables").size();
        for (int t = 0; t < cases.path("templates").size(); t++) {
            for (int v = 0; v < n; v++) {
                JsonNode template = cases.path("templates").get(t);
                JsonNode given = cases.path("variables").get(v);
                JsonNode expected = golden.get(t * n + v);
                tests.add(DynamicTest.dynamicTest(template.path("name").asText() + " " + v, () -> {
                    if (expected.isNull()) {
                        assertThatThrownBy(() -> Template.parse("t", template.path("source").asText()).render(variables(given)))
                                .isInstanceOf(DataException.class);
                    } else {
                        assertThat(Template.parse("t", template.path("source").asText()).render(variables(given)))
                                .isEqualTo(expected.asText());
                    }
                }));
            }
        }
        return tests.stream();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{% for i in range(1000000) %}{% for j in range(1000000) %}x{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
        "{{ 'a' * 1000000000 }}",
        "{% set s = namespace(x='aaaaaaaaaa') %}{% for i in range(100) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
        "{{ range(1000000000) | list }}",
        "{{ 9 ** 999 }}",
    })
    void limitsHold(String source) {
        assertThatThrownBy(() -> Template.parse("t", source).render(Map.of())).isInstanceOf(DataException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{{ ''.__class__ }}", "{{ messages.__init__ }}", "{{ 'a'.getClass() }}", "{{ messages.stream() }}", "{{ namespace.__globals__ }}",
        "{{ self }}", "{{ cycler }}", "{{ config }}"
    })
    void nothingOfJavaOrPythonCanBeReached(String source) {
        Map<String, Object> variables = new HashMap<>();
        variables.put("messages", new ArrayList<>());
        try {
            assertThat(Template.parse("t", source).render(variables)).isEmpty();
        } catch (DataException expected) {
            assertThat(expected.getMessage()).contains("t, line 1");
        }
    }

    @Test
    void errorsNameLineAndColumn() {
        assertThatThrownBy(() -> Template.parse("t.jinja", "a\n b {% import 'x' %}"))
                .hasMessage("t.jinja, line 2, column 7: no tag \"import\" is supported here");
        assertThatThrownBy(() -> Template.parse("t", "{{ x | nofilter }}").render(Map.of())).hasMessageContaining("no filter \"nofilter\"");
        assertThatThrownBy(() -> Template.parse("t", "{% if x %}")).hasMessageContaining("expected elif or else or endif");
        assertThatThrownBy(() -> Template.parse("t", "{{ 'x }}")).hasMessageContaining("a string is not closed");
        assertThatThrownBy(() -> Template.parse("t", "{{ raise_exception('no system') }}").render(Map.of()))
                .hasMessageContaining("the template refuses: no system");
        assertThatThrownBy(() -> Template.parse("t", "{{ a.b.c }}").render(Map.of())).hasMessageContaining("\"a\" is undefined");
    }

    @Test
    void whatThereIsNotIsAnErrorWhenItIsReached() {
        Template template = Template.parse("t", "{% if x is defined %}{{ x | from_json }}{{ x is odious }}{% else %}{{ 1 if true else (2 | gone) }}{% endif %}"
                + "{% macro unused(v) %}{% filter gone2 %}{{ v }}{% endfilter %}{% endmacro %}{{ y is defined and y is odious }}");
        assertThat(template.render(Map.of())).isEqualTo("1False");
        assertThatThrownBy(() -> template.render(Map.of("x", "1"))).hasMessageContaining("t, line 1, column").hasMessageContaining("no filter \"from_json\"");
        assertThatThrownBy(() -> template.render(Map.of("y", 1L))).hasMessageContaining("no test \"odious\" is supported (these are: ");
        assertThatThrownBy(() -> Template.parse("t", "{{ [1, 2] | map('gone') | list }}").render(Map.of())).hasMessageContaining("no filter \"gone\"");
        assertThatThrownBy(() -> Template.parse("t", "{{ self }}").render(Map.of())).hasMessageContaining("self, a template's own blocks, is not served");
        assertThat(Template.parse("t", "{% set self = 3 %}{{ self }}").render(Map.of())).isEqualTo("3");
    }

    @Test
    void timeIsThatOfTheClock() {
        Clock clock = Clock.fixed(Instant.parse("2026-03-07T09:05:00Z"), ZoneOffset.UTC);
        assertThat(Template.parse("t", "{{ strftime_now('%d %b %Y %H:%M %%') }}", clock).render(Map.of()))
                .isEqualTo("07 Mar 2026 09:05 %");
    }

    @Test
    void randomDamageGivesAMessageAndNothingElse() throws IOException {
        JsonNode cases = read("cases.json");
        Random random = new Random(3);
        int inputs = Integer.getInteger("fuzz.inputs", 5000);
        for (int i = 0; i < inputs; i++) {
            StringBuilder text = new StringBuilder(
                    cases.path("templates").get(random.nextInt(cases.path("templates").size())).path("source").asText());
            for (int edits = 1 + random.nextInt(4); edits > 0; edits--) {
                int at = random.nextInt(text.length());
                if (random.nextBoolean()) {
                    text.deleteCharAt(at);
                } else {
                    text.insert(at, "{}%#-+|.,()[]'\" \n:=~*/a1".charAt(random.nextInt(24)));
                }
            }
            Map<String, Object> variables = variables(cases.path("variables").get(random.nextInt(3)));
            assertThatCode(() -> {
                try {
                    Template.parse("t", text.toString()).render(variables);
                } catch (DataException expected) {
                    assertThat(expected.getMessage()).startsWith("t");
                }
            }).as(text.toString()).doesNotThrowAnyException();
        }
    }
}
