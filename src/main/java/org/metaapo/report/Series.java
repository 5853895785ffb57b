package org.metaapo.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;

/**
 * A curve of at most {@value #MOST} points, however long it gets: of each stretch of steps it keeps the lowest and the highest value,
 * and the stretches grow as the curve does. Values that are not finite are gaps.
 */
final class Series {
    /** The most points. */
    static final int MOST = 4000;

    private static final int STRETCHES = MOST / 2;

    /** Steps of a stretch. */
    private long width = 1;
    private int count;
    /** By stretch: its number, and step and value of its lowest and highest points; NaN for a gap. */
    private long[] stretch = new long[16];
    private long[] lowAt = new long[16];
    private long[] highAt = new long[16];
    private float[] low = new float[16];
    private float[] high = new float[16];

    /** Adds a point; a step that is not after all others is put into the last stretch. */
    void add(long step, double value) {
        long number = Math.floorDiv(step, width);
        float kept = Double.isFinite(value) ? (float) value : Float.NaN;
        if (count > 0 && number <= stretch[count - 1]) {
            join(count - 1, step, kept, step, kept);
            return;
        }
        if (count == STRETCHES) {
            halve();
            add(step, value);
            return;
        }
        if (count == stretch.length) {
            grow();
        }
        put(count++, number, step, kept, step, kept);
    }

    private void put(int i, long number, long lowStep, float lowest, long highStep, float highest) {
        stretch[i] = number;
        lowAt[i] = lowStep;
        low[i] = lowest;
        highAt[i] = highStep;
        high[i] = highest;
    }

    private void join(int i, long lowStep, float lowest, long highStep, float highest) {
        if (lowest < low[i] || Float.isNaN(low[i])) {
            low[i] = lowest;
            lowAt[i] = lowStep;
        }
        if (highest > high[i] || Float.isNaN(high[i])) {
            high[i] = highest;
            highAt[i] = highStep;
        }
    }

    private void halve() {
        width *= 2;
        int kept = 0;
        for (int i = 0; i < count; i++) {
            long number = Math.floorDiv(lowAt[i], width);
            if (kept > 0 && stretch[kept - 1] == number) {
                join(kept - 1, lowAt[i], low[i], highAt[i], high[i]);
            } else {
                put(kept++, number, lowAt[i], low[i], highAt[i], high[i]);
            }
        }
        count = kept;
    }

    private void grow() {
        int size = Math.min(STRETCHES, 2 * stretch.length);
        stretch = Arrays.copyOf(stretch, size);
        lowAt = Arrays.copyOf(lowAt, size);
        highAt = Arrays.copyOf(highAt, size);
        low = Arrays.copyOf(low, size);
        high = Arrays.copyOf(high, size);
    }

    /** Steps of {@code x} and values of {@code y}, in the order of the steps; null is a gap. */
    void write(ObjectNode into) {
        ArrayNode x = into.putArray("x");
        ArrayNode y = into.putArray("y");
        for (int i = 0; i < count; i++) {
            if (lowAt[i] == highAt[i]) {
                point(x, y, lowAt[i], low[i]);
            } else if (lowAt[i] < highAt[i]) {
                point(x, y, lowAt[i], low[i]);
                point(x, y, highAt[i], high[i]);
            } else {
                point(x, y, highAt[i], high[i]);
                point(x, y, lowAt[i], low[i]);
            }
        }
    }

    private static void point(ArrayNode x, ArrayNode y, long step, float value) {
        x.add(step);
        if (Float.isNaN(value)) {
            y.addNull();
        } else {
            y.add(value);
        }
    }
}
