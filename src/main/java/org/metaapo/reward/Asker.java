package org.metaapo.reward;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Puts questions to a source: each once, those whose replies are in the cache never, several in a call, several calls at once. */
final class Asker implements AutoCloseable {
    /** A call about more text than this is split. */
    private static final long MOST_CHARS = 4L << 20;

    private final QuestionSource source;
    /** Of the source when it was opened: it digests files, and the process or class that answers is that one until the end. */
    private final String identity;
    private final ScoreCache cache;
    private final int batch;
    private final int parallel;

    /**
     * Takes the source and the cache over, and closes them.
     *
     * @param identity of the source
     * @param batch questions of a call
     * @param parallel calls at once
     */
    Asker(QuestionSource source, String identity, ScoreCache cache, int batch, int parallel) {
        this.source = source;
        this.identity = identity;
        this.cache = cache;
        this.batch = batch;
        this.parallel = parallel;
    }

    String identity() {
        return identity;
    }

    AnnotationCosts costs() {
        return cache.costs();
    }

    /**
     * Has the replies to all questions in the cache when it returns; {@link #reply} gives them.
     *
     * @param units what the watch counts to
     */
    void ask(List<Question> questions, long units, Watch watch) {
        cache.wanted(questions.size());
        List<List<Question>> groups = groups(missing(questions));
        long[] known = {questions.size() - groups.stream().mapToLong(List::size).sum()};
        CallLog log = new CallLog();
        try {
            Calls.run(groups.size(), parallel, index -> answer(groups.get(index), log), replies -> {
                cache.add(replies, log.takeCosts());
                known[0] += replies.size();
            }, () -> watch(watch, log, units * known[0] / Math.max(1, questions.size())), log::giveUp, source::abort);
        } finally {
            cache.add(Map.of(), log.takeCosts());
        }
        watch.progress(units);
    }

    private static void watch(Watch watch, CallLog log, long done) {
        for (String note = log.takeNote(); note != null; note = log.takeNote()) {
            watch.note(note);
        }
        watch.progress(done);
    }

    private Map<String, Double> answer(List<Question> group, CallLog log) throws InterruptedException {
        double[] replies = source.answer(group, log);
        Map<String, Double> byKey = new LinkedHashMap<>();
        for (int i = 0; i < replies.length; i++) {
            byKey.put(group.get(i).key(), replies[i]);
        }
        return byKey;
    }

    private List<Question> missing(List<Question> questions) {
        Map<String, Question> missing = new LinkedHashMap<>();
        for (Question question : questions) {
            if (cache.get(question.key()) == null) {
                missing.putIfAbsent(question.key(), question);
            }
        }
        return List.copyOf(missing.values());
    }

    private List<List<Question>> groups(List<Question> questions) {
        List<List<Question>> groups = new ArrayList<>();
        long chars = 0;
        for (Question question : questions) {
            chars += question.chars();
            if (groups.isEmpty() || groups.get(groups.size() - 1).size() == batch || chars > MOST_CHARS) {
                groups.add(new ArrayList<>());
                chars = question.chars();
            }
            groups.get(groups.size() - 1).add(question);
        }
        return groups;
    }

    /** The reply to a question that was asked. */
    double reply(Question question) {
        return cache.get(question.key());
    }

    @Override
    public void close() {
        try {
            source.close();
        } finally {
            cache.close();
        }
    }
}
