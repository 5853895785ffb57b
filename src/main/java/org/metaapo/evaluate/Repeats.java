package org.metaapo.evaluate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.metaapo.error.DataException;

/** Judgments of the same answers by the same judge, made several times. */
public final class Repeats {
    /** The field of a row that says which repeat it is of, from 1 on. */
    public static final String FIELD = "repeat";

    private Repeats() {}

    /**
     * What repeats must have in common.
     *
     * @param model whose answer is judged, or both models
     * @param question what names the question and its turn
     * @param asked what was judged, answers and all; null where the row does not say
     * @param judge who judged
     * @param row as it stands in the file
     */
    public record Judged(String model, String question, String asked, JudgeSetup judge, JsonFields row) {}

    /** Says in rows which repeat they are of. */
    public static void mark(List<JsonFields> rows, int repeat) {
        rows.forEach(row -> row.node().put(FIELD, repeat));
    }

    /**
     * The judgments of each repeat: the n-th that a model has are those of its n-th repeat, in the order of {@link #FIELD} where rows have it.
     *
     * @param count of repeats; with 1 nothing is looked at
     * @param sets judgments of one model in one file each
     * @throws DataException where a model has more or fewer, or where repeats have another judge, or judge another answer
     */
    public static <T> List<List<List<T>>> of(int count, List<List<T>> sets, Function<T, Judged> view) {
        if (count == 1) {
            return List.of(sets);
        }
        Map<String, TreeMap<Integer, List<T>>> byModel = new LinkedHashMap<>();
        Map<List<String>, Set<String>> asked = new HashMap<>();
        JudgeSetup judge = view.apply(sets.get(0).get(0)).judge();
        for (List<T> set : sets) {
            Judged first = view.apply(set.get(0));
            TreeMap<Integer, List<T>> own = byModel.computeIfAbsent(first.model(), model -> new TreeMap<>());
            int number = number(first.row(), own.size() + 1);
            Map<List<String>, Set<String>> now = new HashMap<>();
            for (T one : set) {
                Judged judged = view.apply(one);
                judge.same(judged.judge(), judged.row().where());
                if (number(judged.row(), number) != number) {
                    throw new DataException(judged.row().where() + ": " + FIELD + " is " + judged.row().node().path(FIELD) + ", rows before it have " + number + "; expected one in a file");
                }
                List<String> place = List.of(judged.model(), judged.question());
                if (judged.asked() == null) {
                    continue;
                }
                now.computeIfAbsent(place, absent -> new HashSet<>()).add(judged.asked());
                if (!asked.getOrDefault(place, now.get(place)).contains(judged.asked())) {
                    throw new DataException(judged.row().where() + ": another answer than in the repeat before is judged; expected repeats of the same answers");
                }
            }
            now.forEach(asked::putIfAbsent);
            if (own.put(number, set) != null) {
                throw new DataException(first.row().where() + ": repeat " + number + " of " + first.model() + " again; expected each once");
            }
        }
        byModel.forEach((model, own) -> {
            if (own.size() != count) {
                throw new DataException(model + ": judged " + own.size() + " times; expected " + count + " by --repeats " + count);
            }
        });
        List<List<List<T>>> ordered = byModel.values().stream().map(own -> (List<List<T>>) new ArrayList<>(own.values())).toList();
        return IntStream.range(0, count).mapToObj(r -> ordered.stream().map(own -> own.get(r)).toList()).toList();
    }

    private static int number(JsonFields row, int otherwise) {
        return row.isAbsent(FIELD) ? otherwise : row.whole(FIELD);
    }
}
