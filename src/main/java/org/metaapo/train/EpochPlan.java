package org.metaapo.train;

import java.util.stream.IntStream;
import org.metaapo.config.RunConfig;

/**
 * How the rows of an epoch are cut into slices, and these into optimizer steps.
 *
 * @param rows of an epoch
 * @param mostRows of a slice
 * @param batch rows of a step
 */
record EpochPlan(int rows, int mostRows, int batch) {
    /** The plan of a configuration; recipes without a rollout have one slice an epoch. */
    static EpochPlan of(RunConfig config, Recipe recipe, RunData data) {
        int mostRows = recipe.rollout(config) == null ? data.epochRows() : config.count("rollout.slice");
        return new EpochPlan(data.epochRows(), mostRows, config.count("train.batch"));
    }

    int slices() {
        return (rows + mostRows - 1) / mostRows;
    }

    /** Number of a slice's first row within the epoch. */
    int from(int slice) {
        return slice * mostRows;
    }

    int rowsOf(int slice) {
        return Math.min(mostRows, rows - from(slice));
    }

    int stepsOf(int slice) {
        return new Batches(rowsOf(slice), rowsOf(slice), batch).count();
    }

    long steps() {
        return stepsBefore(slices());
    }

    /** Steps of an epoch's slices before this one. */
    long stepsBefore(int slice) {
        return IntStream.range(0, slice).mapToLong(this::stepsOf).sum();
    }

    /** Epochs that are over where {@code done} of a slice's {@code batches} are; 1.5 in the middle of the second epoch. */
    double position(long epoch, int slice, int done, int batches) {
        double ofSlice = batches == 0 ? stepsOf(slice) : (double) stepsOf(slice) * done / batches;
        return (epoch * steps() + stepsBefore(slice) + ofSlice) / steps();
    }
}
