package org.metaapo.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchesTest {
    private static List<Integer> sizes(int prompts, int rows, int size) {
        Batches batches = new Batches(prompts, rows, size);
        List<Integer> left = IntStream.range(0, rows).boxed().toList();
        List<Integer> seen = new ArrayList<>();
        List<Integer> sizes = new ArrayList<>();
        for (int i = 0; i < batches.count(); i++) {
            sizes.add(batches.of(left, i).size());
            seen.addAll(batches.of(left, i));
        }
        assertEquals(left, seen);
        return sizes;
    }

    @Test
    void wholeSlicesHaveWholeBatches() {
        assertEquals(List.of(16, 16, 16), sizes(48, 48, 16));
        assertEquals(List.of(16, 16, 8), sizes(40, 40, 16));
        assertEquals(List.of(3), sizes(3, 3, 16));
    }

    @Test
    void rowsThatFellAwayMakeBatchesSmallerAndNotFewer() {
        assertEquals(List.of(10, 10, 10), sizes(48, 30, 16));
        assertEquals(List.of(14, 14, 7), sizes(40, 35, 16));
        assertEquals(List.of(0, 1, 0, 1), sizes(64, 2, 16));
        assertEquals(List.of(0, 0), sizes(32, 0, 16));
        for (int rows = 0; rows <= 100; rows++) {
            assertTrue(sizes(100, rows, 7).stream().allMatch(size -> size <= 7));
        }
    }
}
