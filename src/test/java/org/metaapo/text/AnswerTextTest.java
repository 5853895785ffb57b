package org.metaapo.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.metaapo.files.Fixtures;

/** Texts that are told while their tokens come. */
class AnswerTextTest {
    private static final String TEXT = "Line one.\n\nTwo: 漢字, \uD83D\uDE42 na\u00EFve caf\u00E9 \u2014 42 x  y\t{\"a\": 1}  <b> end";

    static Stream<Path> tokenizers() throws IOException {
        Path root = Fixtures.path("tiny-llama").getParent().resolveSibling("tokenizers");
        try (Stream<Path> all = Stream.concat(Files.walk(root), Files.walk(root.resolveSibling("fixtures")))) {
            return all.filter(file -> file.endsWith("tokenizer.json")).map(Path::getParent).toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("tokenizers")
    void toldInPiecesItIsWhatTheTokenizerDecodes(Path folder) {
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            int[] before = tokenizer.encode("a");
            int[] ids = tokenizer.encode(TEXT);
            AnswerText text = new AnswerText(tokenizer, List.of());
            StringBuilder told = new StringBuilder();
            for (int id : ids) {
                String more = text.add(id);
                assertThat(more).doesNotContain("\uFFFD");
                told.append(more);
            }
            told.append(text.end());
            assertThat(told).hasToString(tokenizer.decodeAfter(before, ids, true));
        }
    }

    @Test
    void bytesThatAreNoTextBecomeWhatOtherDecodersWrite() {
        Random random = new Random(3);
        int[] starts = {0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF, 0x9F, 0xA0, 0x8F, 0x90, 0x82};
        for (int i = 0; i < 5000; i++) {
            byte[] bytes = new byte[1 + random.nextInt(7)];
            for (int j = 0; j < bytes.length; j++) {
                bytes[j] = (byte) starts[random.nextInt(starts.length)];
            }
            Utf8Stream stream = new Utf8Stream();
            StringBuilder told = new StringBuilder();
            for (byte b : bytes) {
                told.append(stream.add(new byte[] {b}));
            }
            told.append(stream.end());
            assertThat(told).as(Arrays.toString(bytes)).hasToString(lossy(bytes));
        }
    }

    /** By Unicode's definition: what is no character is replaced by its longest beginnings. */
    private static String lossy(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        int at = 0;
        while (at < bytes.length) {
            int length = 0;
            for (int n = 1; n <= 4 && at + n <= bytes.length && length == 0; n++) {
                String one = new String(bytes, at, n, StandardCharsets.UTF_8);
                if (one.codePointCount(0, one.length()) == 1 && one.codePointAt(0) != 0xFFFD) {
                    length = n;
                    text.append(one);
                }
            }
            if (length == 0) {
                length = 1;
                while (at + length < bytes.length && isBeginning(Arrays.copyOfRange(bytes, at, at + length + 1))) {
                    length++;
                }
                text.append('\uFFFD');
            }
            at += length;
        }
        return text.toString();
    }

    /** Whether some bytes behind these make a character of them. */
    private static boolean isBeginning(byte[] bytes) {
        byte[] whole = Arrays.copyOf(bytes, Math.max(2, bytes.length));
        for (int more = bytes.length + 1; more <= 4; more++) {
            whole = Arrays.copyOf(bytes, more);
            for (int filling = 0x80; filling <= 0xBF; filling += 0x10) {
                Arrays.fill(whole, bytes.length, more, (byte) filling);
                String one = new String(whole, StandardCharsets.UTF_8);
                if (one.codePointCount(0, one.length()) == 1 && one.codePointAt(0) != 0xFFFD) {
                    return true;
                }
            }
        }
        return false;
    }

    @Test
    void stopStringsEndItAndTheirBeginningsAreHeldBack() {
        try (Tokenizer tokenizer = Tokenizer.load(Fixtures.path("tiny-llama"))) {
            String whole = "one two ### three ##";
            int[] ids = tokenizer.encode(whole);
            for (List<String> stops : List.of(List.of("###"), List.of("never", " ### t"), List.of("two ", "one two"), List.of("o"), List.of("####"),
                    List.of("## #"), List.of("three ##"))) {
                AnswerText text = new AnswerText(tokenizer, stops);
                StringBuilder told = new StringBuilder();
                for (int id : ids) {
                    told.append(text.add(id));
                    assertThat(stops).noneMatch(told.toString()::contains);
                }
                told.append(text.end());
                int end = stops.stream().mapToInt(whole::indexOf).filter(at -> at >= 0).min().orElse(whole.length());
                assertThat(told).as("%s", stops).hasToString(whole.substring(0, end));
                assertThat(text.isEnded()).isEqualTo(end < whole.length());
                assertThat(text.told()).isEqualTo(told.toString());
            }
        }
    }
}
