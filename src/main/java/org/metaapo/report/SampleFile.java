package org.metaapo.report;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.util.Arrays;
import java.util.Locale;
import org.metaapo.files.Json;

/** The rows of one slice's file of samples: where each stands, and its numbers. The texts stay on the disk. */
final class SampleFile {
    /** The longest row that is read. */
    static final int LONGEST = 1 << 24;

    private static final int BINS = 100;

    /** Numbers of a row, in the order of {@link #numbers}. NaN where it has none. */
    enum Number { SCORE, WEIGHT, UNIFORM, BEST, WORST, MEAN, CHOSEN, REJECTED }

    private final float[][] numbers = new float[Number.values().length][16];
    private long[] at = new long[16];
    private int[] length = new int[16];
    private long[] row = new long[16];
    private boolean[] sampled = new boolean[16];
    private int count;
    private double lowestScore;

    /** Reads a file from its start. */
    static SampleFile read(SeekableByteChannel channel) throws IOException {
        SampleFile file = new SampleFile();
        LineReader lines = new LineReader(channel, LONGEST);
        while (lines.next()) {
            if (lines.length() > 0) {
                file.add(lines);
            }
        }
        return file;
    }

    private void add(LineReader lines) {
        if (count == at.length) {
            grow(2 * count);
        }
        for (float[] column : numbers) {
            column[count] = Float.NaN;
        }
        row[count] = -1;
        sampled[count] = false;
        try (JsonParser parser = Json.mapper().getFactory().createParser(lines.bytes(), 0, lines.length())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return;
            }
            fields(parser);
        } catch (IOException e) {
            return;
        }
        at[count] = lines.start();
        length[count] = lines.length();
        float score = numbers[Number.SCORE.ordinal()][count];
        if (Float.isFinite(score)) {
            lowestScore = Math.min(lowestScore, score);
        }
        count++;
    }

    private void grow(int size) {
        at = Arrays.copyOf(at, size);
        length = Arrays.copyOf(length, size);
        row = Arrays.copyOf(row, size);
        sampled = Arrays.copyOf(sampled, size);
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = Arrays.copyOf(numbers[i], size);
        }
    }

    private void fields(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (name) {
                case "row" -> row[count] = value == JsonToken.VALUE_NUMBER_INT ? parser.getLongValue() : -1;
                case "sampled" -> sampled[count] = value == JsonToken.VALUE_TRUE;
                case "score" -> put(Number.SCORE, parser, value);
                case "weight" -> put(Number.WEIGHT, parser, value);
                case "uniform" -> put(Number.UNIFORM, parser, value);
                case "reward_chosen" -> put(Number.CHOSEN, parser, value);
                case "reward_rejected" -> put(Number.REJECTED, parser, value);
                case "answers" -> answers(parser, value);
                default -> parser.skipChildren();
            }
        }
    }

    private void put(Number number, JsonParser parser, JsonToken value) throws IOException {
        if (value.isNumeric()) {
            numbers[number.ordinal()][count] = parser.getFloatValue();
        } else {
            parser.skipChildren();
        }
    }

    private void answers(JsonParser parser, JsonToken value) throws IOException {
        if (value != JsonToken.START_ARRAY) {
            parser.skipChildren();
            return;
        }
        float best = Float.NEGATIVE_INFINITY;
        float worst = Float.POSITIVE_INFINITY;
        double sum = 0;
        int rewards = 0;
        while (parser.nextToken() == JsonToken.START_OBJECT) {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                if (parser.nextToken().isNumeric() && name.equals("reward")) {
                    float reward = parser.getFloatValue();
                    best = Math.max(best, reward);
                    worst = Math.min(worst, reward);
                    sum += reward;
                    rewards++;
                } else {
                    parser.skipChildren();
                }
            }
        }
        if (rewards > 0) {
            numbers[Number.BEST.ordinal()][count] = best;
            numbers[Number.WORST.ordinal()][count] = worst;
            numbers[Number.MEAN.ordinal()][count] = (float) (sum / rewards);
        }
    }

    int count() {
        return count;
    }

    /** The lowest score of a row; 0 where there is none below. */
    double lowestScore() {
        return lowestScore;
    }

    long row(int i) {
        return row[i];
    }

    boolean isSampled(int i) {
        return sampled[i];
    }

    float number(Number number, int i) {
        return numbers[number.ordinal()][i];
    }

    /** Text of a row, from the file that was indexed; null where it has become shorter. */
    byte[] text(SeekableByteChannel channel, int i) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length[i]);
        channel.position(at[i]);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                return null;
            }
        }
        return bytes.array();
    }

    /**
     * What is said of the slice: how many rows are in it and were sampled, how often and by how much the best new answer beats the given
     * chosen one, mean rewards, and how many rows have each hundredth of w, from the first that is not empty.
     */
    ObjectNode summary() {
        ObjectNode node = Json.mapper().createObjectNode().put("rows", count);
        int online = 0;
        int compared = 0;
        int wins = 0;
        double margin = 0;
        int[] bins = new int[BINS];
        for (int i = 0; i < count; i++) {
            online += sampled[i] ? 1 : 0;
            float gain = number(Number.BEST, i) - number(Number.CHOSEN, i);
            if (sampled[i] && !Float.isNaN(gain)) {
                compared++;
                wins += gain > 0 ? 1 : 0;
                margin += gain;
            }
            float w = number(Number.WEIGHT, i);
            if (w >= 0 && w <= 1) {
                bins[Math.min(BINS - 1, (int) (w * BINS))]++;
            }
        }
        node.put("sampled", online);
        if (compared > 0) {
            node.put("online_wins", (double) wins / compared).put("online_margin", margin / compared);
        }
        mean(node, "reward_best", Number.BEST);
        mean(node, "reward_mean", Number.MEAN);
        mean(node, "reward_chosen", Number.CHOSEN);
        mean(node, "reward_rejected", Number.REJECTED);
        int first = 0;
        int last = BINS - 1;
        while (first < BINS && bins[first] == 0) {
            first++;
        }
        while (last > first && bins[last] == 0) {
            last--;
        }
        ArrayNode counts = node.put("first", first).putArray("bins");
        for (int i = first; i <= last && i < BINS; i++) {
            counts.add(bins[i]);
        }
        return node;
    }

    private void mean(ObjectNode node, String name, Number number) {
        double sum = 0;
        int of = 0;
        for (int i = 0; i < count; i++) {
            float value = number(number, i);
            if (Float.isFinite(value)) {
                sum += value;
                of++;
            }
        }
        if (of > 0) {
            node.put(name, sum / of);
        }
    }

    /**
     * Numbers of the rows, an array each: {@code index} in the slice, {@code row}, {@code sampled} (0 or 1), and one by the name of each
     * {@link Number}.
     *
     * @param most of more rows, so many are taken, evenly
     */
    ObjectNode columns(int most) {
        int every = Math.max(1, (count + most - 1) / most);
        ObjectNode node = Json.mapper().createObjectNode();
        ArrayNode index = node.putArray("index");
        ArrayNode rows = node.putArray("row");
        ArrayNode online = node.putArray("sampled");
        for (int i = 0; i < count; i += every) {
            index.add(i);
            rows.add(row[i]);
            online.add(sampled[i] ? 1 : 0);
        }
        for (Number number : Number.values()) {
            ArrayNode column = node.putArray(number.name().toLowerCase(Locale.ROOT));
            for (int i = 0; i < count; i += every) {
                float value = number(number, i);
                if (Float.isFinite(value)) {
                    column.add(value);
                } else {
                    column.addNull();
                }
            }
        }
        return node;
    }
}
