package org.metaapo.statistics;

import java.util.Arrays;
import org.apache.commons.math3.random.MersenneTwister;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;

/**
 * Rows drawn with replacement, as many as there are, by the generator that NumPy's {@code RandomState(seed).randint(0, rows, (rounds, rows))} has
 * (MT19937; the lowest bits that suffice, drawn again where they are too large): others can draw the same.
 */
public final class RowBootstrap {
    private final MersenneTwister random;
    private final int rows;
    private final int mask;

    /**
     * Draws of one seed.
     *
     * @param rows one at least
     * @param seed its low 32 bits are used
     */
    public RowBootstrap(int rows, long seed) {
        if (rows < 1) {
            throw new IllegalArgumentException("no rows to draw");
        }
        this.random = new MersenneTwister((int) seed);
        this.rows = rows;
        this.mask = rows == 1 ? 0 : -1 >>> Integer.numberOfLeadingZeros(rows - 1);
    }

    /** Indices of the next round. */
    public int[] draw() {
        int[] drawn = new int[rows];
        for (int i = 0; i < rows && rows > 1; i++) {
            do {
                drawn[i] = random.nextInt() & mask;
            } while (drawn[i] >= rows);
        }
        return drawn;
    }

    /** The value below which a share of the values lies, straight between neighbours (type 7 of Hyndman and Fan, Am. Stat. 50, 1996). */
    public static double quantile(double[] values, double share) {
        Percentile percentile = new Percentile().withEstimationType(Percentile.EstimationType.R_7);
        return share <= 0 ? Arrays.stream(values).min().orElseThrow() : percentile.evaluate(values, 100 * share);
    }
}
