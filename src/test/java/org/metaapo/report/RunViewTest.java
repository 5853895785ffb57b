package org.metaapo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What lines of metrics come to. */
class RunViewTest {
    private final RunView view = new RunView();

    private ObjectNode add(String line) {
        return view.add(line.getBytes(StandardCharsets.UTF_8));
    }

    private static List<Double> numbers(JsonNode array) {
        List<Double> list = new ArrayList<>();
        array.forEach(value -> list.add(value.isNull() ? null : value.asDouble()));
        return list;
    }

    @Test
    void aLongCurveStaysShortAndKeepsItsExtremes() {
        for (int step = 1; step <= 50_000; step++) {
            double loss = step == 31_337 ? 9 : step == 777 ? -3 : Math.sin(step * 0.37);
            add(String.format(Locale.ROOT, "{\"step\":%d,\"loss\":%f,\"rising\":%d}", step, loss, step));
        }
        JsonNode loss = view.json().at("/series/loss");
        assertThat(loss.path("x").size()).isEqualTo(loss.path("y").size()).isBetween(2000, Series.MOST);
        List<Double> steps = numbers(loss.path("x"));
        assertThat(steps).isSorted().doesNotHaveDuplicates();
        assertThat(numbers(loss.path("y"))).contains(9.0, -3.0);
        assertThat(loss.path("y").get(steps.indexOf(31_337.0)).asDouble()).isEqualTo(9);
        // A point is where it was, not where its stretch begins.
        JsonNode rising = view.json().at("/series/rising");
        assertThat(numbers(rising.path("x"))).isEqualTo(numbers(rising.path("y"))).contains(1.0, 50_000.0);
        assertThat(view.json().path("steps").asInt()).isEqualTo(50_000);
    }

    @Test
    void aShortCurveHasEachPoint() {
        for (int step = 1; step <= 1500; step++) {
            add("{\"step\":" + step + ",\"loss\":" + step * 2 + "}");
        }
        assertThat(view.json().at("/series/loss/x")).hasSize(1500);
    }

    @Test
    void aLineOfBytesThatNoEncodingHasIsCountedAsBroken() {
        // A start that looks like UTF-32 and goes on as something else.
        add("{\0\0\0d\": 1}");
        add("\0\0\0{d\": 1}");
        assertThat(view.add(new byte[] {'{', (byte) 0xff, (byte) 0xfe, '}'})).isNull();
        assertThat(view.json().path("broken").asInt()).isEqualTo(3);
    }

    @Test
    void whatIsNoNumberIsAGapAndTold() {
        add("{\"step\":1,\"loss\":1.5}");
        add("{\"step\":2,\"loss\":\"NaN\",\"accuracy\":null}");
        add("{\"step\":3,\"loss\":1.25,\"accuracy\":0.5}");
        JsonNode json = view.json();
        assertThat(numbers(json.at("/series/loss/y"))).containsExactly(1.5, null, 1.25);
        assertThat(numbers(json.at("/series/accuracy/y"))).containsExactly(null, 0.5);
        assertThat(json.path("not_finite").toString()).isEqualTo("{\"step\":2,\"key\":\"loss\"}");
    }

    @Test
    void brokenLinesAreCountedAndTheOthersStay() {
        add("{\"step\":1,\"loss\":1}");
        assertThat(add("{\"step\":2,\"lo")).isNull();
        assertThat(add("[1, 2]")).isNull();
        assertThat(add("{\"step\":2,\"step\":3}")).as("a key twice").isNull();
        add("{\"step\":4,\"loss\":1}");
        assertThat(view.json().path("broken").asInt()).isEqualTo(3);
        assertThat(view.json().at("/series/loss/x")).hasSize(2);
    }

    @Test
    void kindsHaveCurvesOfTheirOwnAndUnknownKeysToo() {
        add("{\"kind\":\"eval\",\"step\":4,\"epoch\":0.5,\"loss\":0.25,\"time\":7}");
        add("{\"kind\":\"new\",\"step\":4,\"thing\":1}");
        JsonNode series = view.json().path("series");
        assertThat(series.at("/eval.loss/y/0").asDouble()).isEqualTo(0.25);
        assertThat(series.at("/new.thing/y/0").asInt()).isEqualTo(1);
        assertThat(series.has("eval.time") || series.has("eval.epoch") || series.has("loss")).isFalse();
    }

    @Test
    void theLearnersParametersBecomeACurve() {
        // Two hidden units: w1 (1, -1), b1 (0, 0.5), w2 (2, 1), b2 -0.25.
        ObjectNode sent = add("{\"kind\":\"meta\",\"step\":8,\"meta_parameters\":[1,-1,0,0.5,2,1,-0.25]}");
        assertThat(sent.has("meta_parameters")).isFalse();
        JsonNode curve = sent.path("curve");
        assertThat(curve.path("w")).hasSize(65);
        assertThat(curve.path("low").asDouble()).isEqualTo(-2);
        for (int i : new int[] {0, 32, 64}) {
            double score = -2 + i / 32.0;
            double expected = 1 / (1 + Math.exp(-(2 * Math.tanh(score) + Math.tanh(-score + 0.5) - 0.25)));
            assertThat(curve.path("w").get(i).asDouble()).isCloseTo(expected, within(1e-6));
        }
        assertThat(view.json().toString()).doesNotContain("meta_parameters");
    }

    @Test
    void aCurveThatALineTellsIsShown() {
        String w = java.util.stream.IntStream.range(0, 65).mapToObj(i -> Double.toString(i / 128.0)).collect(Collectors.joining(","));
        ObjectNode sent = add("{\"kind\":\"meta\",\"step\":8,\"meta_curve\":{\"low\":-5.0,\"w\":[" + w + "]}}");
        assertThat(sent.has("meta_curve")).isFalse();
        assertThat(sent.at("/curve/low").asDouble()).isEqualTo(-5);
        assertThat(sent.at("/curve/w/64").asDouble()).isEqualTo(0.5);
        view.reach(-9);
        assertThat(view.json().at("/curves/0")).isEqualTo(sent.path("curve"));
        assertThat(add("{\"kind\":\"meta\",\"step\":9,\"meta_curve\":{\"low\":-5.0,\"w\":[0.5]}}").has("curve")).isFalse();
    }

    @Test
    void ofManyUpdatesSomeAreKeptTheFirstAndTheLastAmongThem() {
        String parameters = Collections.nCopies(301, "0.1").stream().collect(Collectors.joining(","));
        for (int step = 8; step <= 50_000; step += 8) {
            add("{\"kind\":\"meta\",\"step\":" + step + ",\"meta_loss\":0.6,\"meta_parameters\":[" + parameters + "]}");
        }
        JsonNode curves = view.json().path("curves");
        assertThat(curves.size()).isBetween(90, 201);
        assertThat(curves.get(0).path("step").asInt()).isEqualTo(8);
        assertThat(curves.get(curves.size() - 1).path("step").asInt()).isEqualTo(50_000);
        assertThat(view.json().toString().length()).isLessThan(400_000);
    }

    @Test
    void phasesTakeTheTimeBetweenTheirLinesAndTheNext() {
        add("{\"kind\":\"phase\",\"phase\":\"sampling\",\"step\":0,\"time\":10}");
        add("{\"kind\":\"phase\",\"phase\":\"training\",\"step\":0,\"time\":14}");
        add("{\"step\":1,\"loss\":1,\"time\":15.5}");
        add("{\"step\":2,\"loss\":1,\"time\":16}");
        assertThat(view.json().path("phase_seconds").toString()).isEqualTo("{\"sampling\":4.0,\"training\":2.0}");
    }
}
