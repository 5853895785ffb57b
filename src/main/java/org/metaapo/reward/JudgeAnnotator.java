package org.metaapo.reward;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.Prompt;
import org.metaapo.error.DataException;
import org.metaapo.text.Answer;

/**
 * Rewards from pairwise verdicts. Two answers are compared in both orders: one wins only if both verdicts say so, anything else is a
 * tie; a win counts 1, a tie ½, a loss 0, and an answer's reward is the mean over its comparisons. Equal answers tie without a question.
 *
 * <p>Of n answers, {@link Pairs#PIVOT} compares the first with each other one: 2(n − 1) verdicts, rewards of 0, ½ and 1 (the pivot's
 * between). {@link Pairs#ALL} compares all with all: n(n − 1) verdicts, finer rewards.
 */
final class JudgeAnnotator implements Annotator {
    private final Asker asker;
    private final Pairs pairs;

    /** Which answers are compared. */
    enum Pairs {
        /** The first with each other one. */
        PIVOT,
        /** Each with each. */
        ALL
    }

    /** Answers {@code a} and {@code b} of a prompt, and the verdicts in both orders. */
    private record Comparison(int a, int b, Question forth, Question back) {}

    JudgeAnnotator(Asker asker, Pairs pairs) {
        this.asker = asker;
        this.pairs = pairs;
    }

    @Override
    public List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch) {
        List<List<Comparison>> comparisons = new ArrayList<>();
        List<Question> questions = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            List<Comparison> list = comparisons(prompts.get(i), answers.get(i));
            comparisons.add(list);
            for (Comparison comparison : list) {
                if (comparison.forth() != null) {
                    questions.add(comparison.forth());
                    questions.add(comparison.back());
                }
            }
        }
        asker.ask(questions, prompts.size(), watch);
        List<double[]> scores = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            scores.add(scores(comparisons.get(i), answers.get(i).size()));
        }
        return scores;
    }

    private List<Comparison> comparisons(Prompt prompt, List<Answer> answers) {
        if (answers.size() < 2) {
            throw new DataException("reward.judge compares answers, and \"" + Question.start(prompt) + "\" has " + answers.size()
                    + "; expected two or more to a prompt");
        }
        List<Comparison> list = new ArrayList<>();
        for (int a = 0; a < (pairs == Pairs.PIVOT ? 1 : answers.size()); a++) {
            for (int b = a + 1; b < answers.size(); b++) {
                Answer first = answers.get(a);
                Answer second = answers.get(b);
                list.add(first.equals(second)
                        ? new Comparison(a, b, null, null)
                        : new Comparison(
                                a, b, Question.verdict(asker.identity(), prompt, first, second),
                                Question.verdict(asker.identity(), prompt, second, first)));
            }
        }
        return list;
    }

    private double[] scores(List<Comparison> comparisons, int answers) {
        double[] sums = new double[answers];
        int[] counts = new int[answers];
        for (Comparison comparison : comparisons) {
            double won = outcome(comparison);
            sums[comparison.a()] += won;
            sums[comparison.b()] += 1 - won;
            counts[comparison.a()]++;
            counts[comparison.b()]++;
        }
        for (int i = 0; i < answers; i++) {
            sums[i] /= counts[i];
        }
        return sums;
    }

    /** 1 if {@code a} wins in both orders, 0 if {@code b} does, else ½. */
    private double outcome(Comparison comparison) {
        if (comparison.forth() == null) {
            return 0.5;
        }
        double forth = asker.reply(comparison.forth());
        double back = asker.reply(comparison.back());
        return forth == 1 && back == 0 ? 1 : forth == 0 && back == 1 ? 0 : 0.5;
    }

    @Override
    public AnnotationCosts costs() {
        return asker.costs();
    }

    @Override
    public void close() {
        asker.close();
    }
}
