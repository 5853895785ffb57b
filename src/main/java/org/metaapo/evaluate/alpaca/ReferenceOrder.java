package org.metaapo.evaluate.alpaca;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.metaapo.error.DataException;

/** The benchmark's instructions in the official order, by which rows find their place. */
public final class ReferenceOrder {
    private static final int MOST_LISTED = 3;

    private final Map<String, List<Integer>> places = new HashMap<>();
    private final int size;

    public ReferenceOrder(List<ModelOutput> reference) {
        for (int i = 0; i < reference.size(); i++) {
            places.computeIfAbsent(reference.get(i).instruction(), instruction -> new ArrayList<>()).add(i);
        }
        this.size = reference.size();
    }

    public int size() {
        return size;
    }

    /**
     * The place of each row's instruction. An instruction may occur as often as in the reference, in its order.
     *
     * @param what the rows, for messages
     * @throws DataException that lists instructions which are unknown or too many
     */
    public <T> int[] places(List<T> rows, Function<T, String> instruction, String what) {
        Map<String, Deque<Integer>> left = new HashMap<>();
        places.forEach((text, found) -> left.put(text, new ArrayDeque<>(found)));
        List<String> unknown = new ArrayList<>();
        List<String> repeated = new ArrayList<>();
        int[] found = new int[rows.size()];
        for (int i = 0; i < found.length; i++) {
            String text = instruction.apply(rows.get(i));
            Deque<Integer> free = left.get(text);
            if (free == null) {
                unknown.add(text);
            } else if (free.isEmpty()) {
                repeated.add(text);
            } else {
                found[i] = free.poll();
            }
        }
        if (!unknown.isEmpty()) {
            throw new DataException(what + ": " + unknown.size() + " instructions that the reference does not have: " + listed(unknown)
                    + "; expected those of the reference, character by character");
        }
        refuseRepeated(repeated, what);
        return found;
    }

    /** Refuses instructions that occur twice, where there is no reference to say which do. */
    static void refuseRepeated(List<String> repeated, String what) {
        if (!repeated.isEmpty()) {
            throw new DataException(what + ": " + repeated.size() + " instructions once too often: " + listed(repeated) + "; expected each once");
        }
    }

    static String listed(List<String> instructions) {
        List<String> shown = instructions.stream().limit(MOST_LISTED).map(text -> '"' + (text.length() > 60 ? text.substring(0, 59) + "…" : text) + '"').toList();
        return String.join(", ", shown) + (instructions.size() > shown.size() ? ", …" : "");
    }
}
