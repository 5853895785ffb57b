package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.metaapo.data.Prompt;
import org.metaapo.data.Row;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.error.DataException;
import org.metaapo.ranks.Ranks;
import org.metaapo.reward.Annotator;
import org.metaapo.reward.RewardSource;
import org.metaapo.text.Answer;
import org.metaapo.train.RankingWatch;
import org.metaapo.train.RunListener;
import org.metaapo.train.StopSignal;

/** Rewards of the answers in data files: of pairs, of generated responses, or of single answers. */
public final class RewardJob {
    private static final int MICRO_TOKENS = 8192;

    private RewardJob() {}

    /**
     * Scores all answers of all rows; ranks share out a local model's work, and the leader alone asks any other source.
     *
     * @param source of the rewards
     * @param engine opens the engine that a local model needs
     * @param cache file of the scores that were paid for, or null
     * @param variables of the chat template, which a row's own go before
     * @param stop is heard between the requests
     */
    public static Lines run(
            RewardSource source, Supplier<Engine> engine, Dtype dtype, Path cache, List<Path> data, Map<String, Object> variables,
            RunListener listener, StopSignal stop, Ranks ranks) {
        ranks.lead(source::check);
        List<Row> rows = JobRows.load(data, variables, ranks);
        List<Prompt> prompts = rows.stream().map(Row::prompt).toList();
        List<List<Answer>> answers = ranks.agree(() -> rows.stream().map(RewardJob::answers).toList());
        RankingWatch watch = new RankingWatch(listener, stop);
        List<double[]> scores = source.isLocal()
                ? local(source, engine, dtype, prompts, answers, watch, ranks)
                : score(source.open(null, dtype, MICRO_TOKENS, cache, ranks), prompts, answers, watch);
        tell(source, watch, scores);
        Lines lines = new Lines();
        for (int i = 0; i < rows.size(); i++) {
            lines.add(line(rows.get(i), scores.get(i)));
        }
        return lines;
    }

    private static void tell(RewardSource source, RankingWatch watch, List<double[]> scores) {
        if (!watch.tooLong().isEmpty()) {
            long without = scores.stream().flatMapToDouble(Arrays::stream).filter(Double::isNaN).count();
            watch.listener().note(String.format(Locale.ROOT, "answers whose conversation is longer than the reward model reads: %,d (reward.overlong=%s); "
                    + "without a score: %,d", watch.tooLong().size(), source.overlong().name().toLowerCase(Locale.ROOT), without));
        }
    }

    private static List<double[]> local(
            RewardSource source, Supplier<Engine> engine, Dtype dtype, List<Prompt> prompts, List<List<Answer>> answers, RankingWatch watch,
            Ranks ranks) {
        try (Engine opened = ranks.agree(engine)) {
            return score(source.open(opened, dtype, MICRO_TOKENS, null, ranks), prompts, answers, watch);
        }
    }

    private static List<double[]> score(Annotator reward, List<Prompt> prompts, List<List<Answer>> answers, RankingWatch watch) {
        try (reward) {
            watch.listener().begin("scoring", prompts.size());
            List<double[]> scores = reward.score(prompts, answers, watch);
            watch.listener().end();
            if (reward.costs().lookups() > 0) {
                watch.listener().note(reward.costs().shown());
            }
            return scores;
        }
    }

    private static List<Answer> answers(Row row) {
        if (row.responses() != null) {
            return row.responses();
        }
        if (row.isPair()) {
            return List.of(row.chosen(), row.rejected());
        }
        if (row.chosen() != null) {
            return List.of(row.chosen());
        }
        throw new DataException(row.source() + ": no answers; reward needs chosen and rejected, or responses" + row.hint());
    }

    private static ObjectNode line(Row row, double[] scores) {
        ObjectNode line = Lines.line();
        Lines.prompt(line, row.prompt());
        if (row.isPair()) {
            line.putPOJO("chosen", row.chosen().plain()).putPOJO("rejected", row.rejected().plain());
            return line.put("score_chosen", shown(scores[0])).put("score_rejected", shown(scores[1]));
        }
        ArrayNode responses = line.putArray("responses");
        answers(row).forEach(answer -> responses.addPOJO(answer.plain()));
        ArrayNode list = line.putArray("scores");
        for (double score : scores) {
            list.add(shown(score));
        }
        return line;
    }

    /** Null for an answer without a score. */
    private static Double shown(double score) {
        return Double.isNaN(score) ? null : score;
    }
}
