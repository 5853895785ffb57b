package org.metaapo.text.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.error.DataException;

/** Templates that mean harm, and messages that look like templates. */
class TemplateSafetyTest {
    private static String render(String source, Map<String, ?> variables) {
        return Template.parse("template", source).render(new HashMap<>(variables));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // Endless or as good as endless.
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for a in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for a in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=[1]) %}{% for a in range(100) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[1]) %}{% for a in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | tojson }}",
        "{% set ns = namespace(s=[1], t=[1]) %}{% for a in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
        "{% set x = [1] %}{% for a in [[x]] recursive %}{{ loop([a]) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
        "{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns.me | string }}",
        // Giant output.
        "{{ 'x' * 9999999999 }}", "{{ 9223372036854775807 * 'ab' }}", "{{ [1] * 9999999999 }}", "{{ (1,) * 99999999 | length }}", "{{ 'x'.center(999999999) }}", "{{ 'x' | center(999999999) }}",
        "{{ 'a' | indent(999999999, true) }}", "{{ ('x' * 100000) | replace('', 'y' * 100000) }}", "{{ ('x' * 100000).replace('x', 'y' * 100000) }}",
        "{{ ('a' * 100000).join(('b' * 100000) | list) }}", "{{ ('\\t' * 1000).expandtabs(99999999) }}", "{{ '%99999999d' % 1 }}", "{{ '%.99999999f' % 1.5 }}",
        "{{ [1] | batch(999999999, 0) | list }}", "{{ [1] | slice(999999999) | list }}", "{{ [[1]] | tojson(indent=99999999) }}", "{{ 10 ** 99999999 }}", 
        "{% for a in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
        // Small steps that each cost much.
        "{% set s = 'x' * 10000000 %}{% for a in range(100000) %}{% for b in range(100000) %}{% set t = s ~ '' %}{% endfor %}{% endfor %}",
        "{% set s = 'x' * 10000000 %}{% for a in range(100000) %}{% for b in range(100000) %}{{ s.find('y') }}{% endfor %}{% endfor %}",
        "{% set s = 'x' * 10000000 %}{% for a in range(100000) %}{% for b in range(100000) %}{{ s | length }}{% endfor %}{% endfor %}",
        "{% set s = 'x' * 10000000 %}{% for a in range(100000) %}{% for b in range(100000) %}{{ 'y' in s }}{% endfor %}{% endfor %}",
        "{{ ('a,' * 5000000).split(',') }}{% for a in range(100000) %}{{ ('a ' * 1000000).split() }}{% endfor %}",
        // Beyond the sandbox.
        "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ messages.getClass().forName('java.lang.Runtime') }}", "{{ range.__globals__.os }}",
        "{{ namespace.__init__.__globals__['os'].system('id') }}", "{{ messages[0].getClass() }}", "{{ self._TemplateReference__context.x }}",
        "{{ raise_exception.body.apply() }}", "{{ messages.append({}) }}", "{{ messages[0].update({'role': 'x'}) }}", "{{ cycler.__init__() }}"
    })
    void isStoppedWithOneLine(String source) {
        Map<String, Object> variables = Map.of("messages", List.of(Map.of("role", "user", "content", "x")));
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertThatThrownBy(() -> render(source, variables))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith("template")
                .hasMessageNotContainingAny("\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"(", "[", "{1:", "not ", "-", "x[", "f(", "1 if ", "a is eq ", "1 + ", "a.b", "a|trim", "a ~ ", "a or "})
    void deepSourceIsRefusedOrRendered(String piece) {
        for (String source : List.of("{{ " + piece.repeat(20_000) + " }}", "{{ a" + piece.repeat(20_000) + "1 }}", "{{ " + piece.repeat(20_000) + "1" + ")".repeat(20_000) + " }}")) {
            try {
                render(source, Map.of());
            } catch (DataException refused) {
                assertThat(refused).hasMessageStartingWith("template");
            }
        }
    }

    @Test
    void deepBlocksAreRefused() {
        for (String block : List.of("{% if x %}", "{% for x in y %}", "{% set x %}", "{% macro m() %}", "{% filter upper %}")) {
            assertThatThrownBy(() -> render(block.repeat(50_000), Map.of())).isInstanceOf(DataException.class).hasMessageContaining("nested deeper than");
        }
    }

    @Test
    void messagesAreNeverInterpreted() {
        String content = "{{ 7 * 7 }} {% raise %} {# c #} {{ raise_exception('x') }} {% for %} \\x41 <b> & '";
        Map<String, Object> message = new HashMap<>();
        message.put("role", "user");
        message.put("content", content);
        assertThat(render("{% for m in messages %}{{ m.content }}{{ m['content'] | trim }}{% endfor %}", Map.of("messages", List.of(message))))
                .isEqualTo(content + content);
    }

    @Test
    void messagesAreNotChanged() {
        List<Object> messages = new ArrayList<>(List.of(new HashMap<>(Map.of("role", "user"))));
        render("{% set messages = messages[1:] %}{% set messages = [1] %}{{ messages }}", Map.of("messages", messages));
        assertThat(messages).isEqualTo(List.of(Map.of("role", "user")));
    }

    @Test
    void failuresNameTemplateLineAndColumn() {
        assertThatThrownBy(() -> render("a\n{% if x %}\n  {{ y.z }}\n{% endif %}", Map.of("x", 1L)))
                .hasMessage("template, line 3, column 7: \"y\" is undefined");
        assertThatThrownBy(() -> render("a\r\n  {{ 1 + }}", Map.of())).hasMessageStartingWith("template, line 2, column 10: expected an expression");
        assertThatThrownBy(() -> render("{{ raise_exception('no system role') }}", Map.of()))
                .hasMessageMatching("template, line 1, column \\d+: the template refuses: no system role");
    }

    @Test
    void oneTemplateServesSeveralThreads() {
        Template template = Template.parse("t", "{% set x %}{{ n }}{% endset %}{% for i in range(50) %}{{ x }}{{ i }}{% endfor %}");
        List<String> texts = java.util.stream.IntStream.range(0, 64).parallel().mapToObj(n -> template.render(Map.of("n", (long) n % 4))).toList();
        for (int n = 0; n < 64; n++) {
            assertThat(texts.get(n)).isEqualTo(texts.get(n % 4));
        }
    }
}
