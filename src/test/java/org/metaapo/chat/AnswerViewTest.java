package org.metaapo.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How answers look: lines, columns, widths, and what a model cannot do to a terminal. */
class AnswerViewTest {
    private static final String[] PIECES = {
        "a", " ", "word", "漢字", "🙂", "\n", " longer words", "https://example.org/a/path/that/is/longer/than/any/line/of/these", "e\u0301", "\t", "  ", "。", "\n\n", "❤\uFE0F"};

    private static List<String> pieces(SplittableRandom random, int count) {
        List<String> pieces = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            pieces.add(PIECES[random.nextInt(PIECES.length)]);
        }
        return pieces;
    }

    private static String squeezed(String text) {
        return text.replaceAll("\\s+", "");
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 7, 20, 58})
    void linesStayAndNoneIsTooLong(int width) {
        SplittableRandom random = new SplittableRandom(width);
        for (int round = 0; round < 20; round++) {
            WrappedText text = new WrappedText(width);
            StringBuilder all = new StringBuilder();
            List<String> before = List.of();
            int certain = 0;
            for (String piece : pieces(random, 120)) {
                text.append(piece);
                all.append(piece);
                assertThat(text.lines().subList(0, certain)).isEqualTo(before.subList(0, certain));
                before = text.lines();
                assertThat(text.certain()).isBetween(certain, before.size());
                certain = text.certain();
            }
            assertThat(before).allSatisfy(line -> assertThat(WrappedText.columns(line)).isLessThanOrEqualTo(width));
            assertThat(squeezed(String.join("", before))).isEqualTo(squeezed(all.toString()));
        }
    }

    @Test
    void linesAreBrokenAtBlanksAndBesideWideCharacters() {
        WrappedText text = new WrappedText(10);
        text.append("one two three four\n    x = 1\n漢字漢字漢字🙂\nabcdefghijklmno");
        assertThat(text.lines()).containsExactly("one two", "three four", "    x = 1", "漢字漢字漢", "字🙂", "abcdefghij", "klmno");
        assertThat(WrappedText.columns("漢字🙂e\u0301a")).isEqualTo(8);
        assertThat(WrappedText.cut("a漢字", 4)).isEqualTo("a漢");
    }

    /** Each column has its whole text in its own place, however far one answer is ahead of the other, and however small the screen. */
    @ParameterizedTest
    @ValueSource(ints = {3, 8, 50})
    void twoColumnsKeepApart(int height) {
        SplittableRandom random = new SplittableRandom(height);
        for (int round = 0; round < 12; round++) {
            Screen screen = new Screen(120, height);
            ColumnsView view = new ColumnsView(new PrintWriter(screen), 120, height, List.of("left", "right"), new ChatStyle(true, round % 2 == 0));
            List<List<String>> pieces = List.of(pieces(random, random.nextInt(150)), pieces(random, random.nextInt(150)));
            view.begin(List.of(0, 1));
            int[] done = new int[2];
            while (done[0] < pieces.get(0).size() || done[1] < pieces.get(1).size()) {
                int side = done[0] == pieces.get(0).size() ? 1 : done[1] == pieces.get(1).size() ? 0 : random.nextInt(4) == 0 ? 1 : 0;
                view.text(side, pieces.get(side).get(done[side]++));
                if (done[side] == pieces.get(side).size()) {
                    view.over(side);
                }
            }
            view.end(List.of());
            for (int side = 0; side < 2; side++) {
                WrappedText expected = new WrappedText(58);
                pieces.get(side).forEach(expected::append);
                List<String> shown = new ArrayList<>();
                for (int row = 1; row < screen.rows() - 2; row++) {
                    assertThat(screen.text(row, 59, 60)).isEqualTo("│");
                    shown.add(screen.text(row, 61 * side, side == 0 ? 59 : 119));
                }
                String wanted = expected.lines().stream().collect(Collectors.joining()).replaceAll("[\\s\u0301\uFE0F]+", "");
                assertThat(squeezed(String.join("", shown))).isEqualTo(wanted);
            }
            assertThat(screen.text(0, 0, 119)).isEqualTo("left" + " ".repeat(55) + "│ right");
        }
    }

    @Test
    void aModelDoesNotSteerTheTerminal() {
        assertThat(Shown.text("a\u001b[2Jb\r\u0007\tc\u009b1m\u007f\n漢字")).isEqualTo("a␛[2Jb␇\tc<U+009B>1m<U+007F>\n漢字");
        StringWriter out = new StringWriter();
        TurnView view = new TurnView(new PrintWriter(out), List.of("m"), new ChatStyle(true, false), line -> { });
        view.begin(List.of(0));
        view.text(0, "\u001b]0;title\u0007");
        view.end(List.of());
        assertThat(out.toString()).isEqualTo("␛]0;title␇\n\n");
    }

    /** In a pipe the text is the model's own, and each answer ends its line. */
    @Test
    void aPipeGetsTheTextItself() {
        StringWriter out = new StringWriter();
        TurnView view = new TurnView(new PrintWriter(out), List.of("m"), new ChatStyle(false, false), line -> { });
        for (String text : new String[] {"a\u001b[1m\r\n", "漢字"}) {
            view.begin(List.of(0));
            view.text(0, text);
            view.end(List.of("a note"));
        }
        assertThat(out.toString()).isEqualTo("a\u001b[1m\r\n漢字\n");
    }
}
