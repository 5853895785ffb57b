package org.metaapo.train;

import java.util.List;

/**
 * How the rows that are left of a slice are shared out over its optimizer steps. A step is for {@code size} prompts; rows that
 * fell away, as where all answers to a prompt are equally good, make its batch smaller and not the steps fewer, so that
 * learning-rate schedules end where they should and methods are compared over equally many steps.
 *
 * @param prompts of the slice
 * @param rows those that are left
 * @param size prompts of a step
 */
record Batches(int prompts, int rows, int size) {
    /** Number of batches, the empty ones included. */
    int count() {
        return (prompts + size - 1) / size;
    }

    /** The rows of a batch; none where all fell away. */
    <T> List<T> of(List<T> left, int batch) {
        return left.subList(bound(batch), bound(batch + 1));
    }

    private int bound(int batch) {
        return (int) (Math.min((long) batch * size, prompts) * rows / prompts);
    }
}
