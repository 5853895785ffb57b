package org.metaapo.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.metaapo.files.Fixtures;
import org.metaapo.text.Tokenizer;

/** The parts of an inspection against simple references, on random input. */
class InspectPartsTest {
    private final Random random = new Random(7);

    @ParameterizedTest
    @ValueSource(strings = {"tiny-llama", "tiny-qwen2"})
    void piecesJoinToTheDecodedText(String fixture) {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path(fixture))) {
            Pieces pieces = new Pieces(tokenizer);
            List<String> texts = new ArrayList<>(List.of(
                    "", "plain", " lead", "世界 🙂🚲 é\uFFFD!", "a\n\n\tb", tokenizer.specialToken("eos_token") + "x"));
            for (int i = 0; i < 200; i++) {
                texts.add(random.ints(12, 1, 0x2FFFF)
                        .filter(c -> Character.isDefined(c) && !(c >= 0xD800 && c <= 0xDFFF))
                        .mapToObj(Character::toString)
                        .collect(Collectors.joining()));
            }
            for (String text : texts) {
                int[] ids = tokenizer.encode(text);
                List<Piece> found = pieces.of(ids);
                assertThat(found.stream().map(Piece::text).collect(Collectors.joining()))
                        .isEqualTo(tokenizer.decode(ids, false));
                assertThat(found.stream()
                                .flatMapToInt(piece -> Arrays.stream(piece.ids()))
                                .toArray())
                        .containsExactly(ids);
            }
            // Every id alone and in any order, as a model may write them.
            int[] wild = random.ints(500, 0, tokenizer.vocabularySize()).toArray();
            assertThat(pieces.of(wild).stream()
                            .flatMapToInt(piece -> Arrays.stream(piece.ids()))
                            .toArray())
                    .containsExactly(wild);
            assertThat(pieces.of(tokenizer.encode("a" + tokenizer.specialToken("eos_token")))
                            .get(1)
                            .special())
                    .isTrue();
        }
    }

    @Test
    void lengthsAndBinsCountEverythingOnce() {
        for (int round = 0; round < 50; round++) {
            int[] values = random.ints(1 + random.nextInt(300), 0, 1 + random.nextInt(3000))
                    .toArray();
            Lengths lengths = new Lengths();
            Arrays.stream(values).forEach(lengths::add);
            Arrays.sort(values);
            assertThat(lengths.mean()).isEqualTo(Arrays.stream(values).average().orElseThrow());
            for (double q : new double[] {0.01, 0.5, 0.95, 0.99, 1}) {
                assertThat(lengths.quantile(q)).isEqualTo(values[(int) Math.ceil(q * values.length) - 1]);
            }
            Bins bins = Bins.over(List.of(lengths), 12);
            assertThat(Arrays.stream(bins.counts(lengths)).sum()).isEqualTo(values.length);
            assertThat(bins.from(0)).isLessThanOrEqualTo(values[0]);
            assertThat(bins.count()).isBetween(1, 14);
        }
    }

    @Test
    void aFarValueDoesNotWidenTheBins() {
        Lengths lengths = new Lengths();
        for (int i = 0; i < 1000; i++) {
            lengths.add(10 + i % 20);
        }
        lengths.add(100_000);
        Bins bins = Bins.over(List.of(lengths), 12);
        assertThat(bins.width()).isLessThanOrEqualTo(5);
        assertThat(bins.label(bins.count() - 1, 100_000)).endsWith("+");
        assertThat(bins.counts(lengths)[bins.count() - 1]).isEqualTo(1);
    }

    @Test
    void repeatsAreThoseOfAMap() {
        Repeats repeats = new Repeats();
        Map<List<Integer>, Integer> expected = new HashMap<>();
        for (int row = 0; row < 20_000; row++) {
            int[] one = random.ints(2, 0, 60).toArray();
            int[] two = random.ints(random.nextInt(2), 0, 3).toArray();
            List<Integer> key = new ArrayList<>(List.of(one[0], one[1], two.length));
            Arrays.stream(two).forEach(key::add);
            Integer before = expected.putIfAbsent(key, row);
            assertThat(repeats.find(one, two)).isEqualTo(before == null ? -1 : before);
            assertThat(repeats.add(row, one, two)).isEqualTo(before == null ? -1 : before);
        }
    }

    @Test
    void linesFitTheTerminal() {
        for (int width : new int[] {20, 33, 80}) {
            TextLayout layout = new TextLayout(width, true);
            layout.add("世界 plain words \t and 🙂🙂🙂🙂 more of them ".repeat(4), Style.CHOSEN);
            layout.add("\n\nend", Style.PROMPT);
            List<String> lines = layout.lines();
            assertThat(lines)
                    .allSatisfy(line -> assertThat(TextLayout.columns(line.replaceAll("\u001b\\[[0-9;]*m", "")))
                            .isLessThanOrEqualTo(width + 1));
            assertThat(lines.get(lines.size() - 1)).contains("end");
        }
    }

    @Test
    void sharesAreNeverRoundedToNoneOrAll() {
        assertThat(Findings.percent(0, 10)).isEqualTo("0.0 %");
        assertThat(Findings.percent(1, 100_000)).isEqualTo("0.1 %");
        assertThat(Findings.percent(99_999, 100_000)).isEqualTo("99.9 %");
        assertThat(Findings.percent(3, 3)).isEqualTo("100.0 %");
        assertThat(Findings.percent(0, 0)).isEqualTo("0.0 %");
    }
}
