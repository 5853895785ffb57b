package org.metaapo.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes inputs at random: bytes, pieces, numbers, words of the formats, and parts of other inputs. */
final class Mutator {
    private static final String[] WORDS = {
        "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{% for x in messages %}", "{% endfor %}", "{% if ", "{% endif %}", "{% set ", "{% macro m() %}",
        "{% endmacro %}", "m()", "loop", "range(99999)", " | tojson", " | list", " | join", "**", "//", "null", "true", "NaN", "1e999", "-0", "1e-999",
        "9223372036854775807", "-9223372036854775808", "99999999999999999999", "\"\"", "[]", "{}", "[[[[", "]]]]", "\\ud800", "\\u0000", "\ufeff", "\u2028",
        "\r\n", "&a", "*a", "!!binary", "<<: ", "? ", "|\n", "---\n", "messages", "role", "content", "prompt", "chosen", "rejected", "label", "tools",
        "vocab_size", "hidden_size", "rope_scaling", "data_offsets", "shape", "dtype", "F32", "BF16", "chat_template", "added_tokens", "merges", "vocab",
        "normalizer", "pre_tokenizer", "decoder", "<|im_end|>", "kind", "step", "loss", "items", "scores", "usage",
    };
    private static final int[] NUMBERS = {0, 1, -1, 127, 128, 255, 256, 32767, 65535, 1 << 20, 1 << 24, Integer.MAX_VALUE, Integer.MIN_VALUE};

    private final Random random;
    private final List<byte[]> seeds;
    private final int longest;

    Mutator(long seed, List<byte[]> seeds) {
        this.random = new Random(seed);
        this.seeds = seeds;
        this.longest = Math.max(4096, 2 * seeds.stream().mapToInt(input -> input.length).max().orElse(0));
    }

    byte[] next() {
        byte[] input = seed().clone();
        for (int changes = 1 + random.nextInt(random.nextInt(8) == 0 ? 30 : 5); changes > 0; changes--) {
            input = changed(input);
        }
        return Arrays.copyOf(input, Math.min(input.length, longest));
    }

    private byte[] seed() {
        return seeds.get(random.nextInt(seeds.size()));
    }

    private byte[] changed(byte[] input) {
        if (input.length == 0) {
            return word();
        }
        int at = random.nextInt(input.length);
        int length = 1 + random.nextInt(Math.min(input.length - at, 1 << random.nextInt(8)));
        byte[] other = seed();
        switch (random.nextInt(11)) {
            case 0:
                input[at] ^= (byte) (1 << random.nextInt(8));
                return input;
            case 1:
                input[at] = (byte) random.nextInt(256);
                return input;
            case 2:
                return replaced(input, at, length, new byte[0]);
            case 3:
                return replaced(input, at, 0, Arrays.copyOfRange(input, at, at + length));
            case 4:
            case 5:
                return replaced(input, at, random.nextBoolean() ? length : 0, word());
            case 6:
                int from = other.length == 0 ? 0 : random.nextInt(other.length);
                return replaced(input, at, length, Arrays.copyOfRange(other, from, Math.min(other.length, from + length)));
            case 7:
                return Arrays.copyOf(input, at);
            case 8:
                int number = NUMBERS[random.nextInt(NUMBERS.length)];
                for (int i = 0; i < Math.min(4, input.length - at); i++) {
                    input[at + i] = (byte) (number >> 8 * i);
                }
                return input;
            case 9:
                byte[] many = new byte[1 << random.nextInt(11)];
                Arrays.fill(many, input[at]);
                return replaced(input, at, length, many);
            default:
                return replaced(input, at, length, Integer.toString(NUMBERS[random.nextInt(NUMBERS.length)]).getBytes(StandardCharsets.US_ASCII));
        }
    }

    private byte[] word() {
        return WORDS[random.nextInt(WORDS.length)].getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] replaced(byte[] input, int at, int length, byte[] by) {
        byte[] out = new byte[input.length - length + by.length];
        System.arraycopy(input, 0, out, 0, at);
        System.arraycopy(by, 0, out, at, by.length);
        System.arraycopy(input, at + length, out, at + by.length, input.length - at - length);
        return out;
    }
}
