package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Prompt;
import org.metaapo.data.Row;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.error.DataException;
import org.metaapo.reward.RewardModel;
import org.metaapo.train.RunListener;

/** Rewards of the answers in data files: of pairs, of generated responses, or of single answers. */
public final class RewardJob {
    private static final int MICRO_TOKENS = 8192;

    private RewardJob() {}

    /** Scores all answers of all rows. */
    public static Lines run(Engine engine, Dtype dtype, Path model, List<Path> data, RunListener listener) {
        List<Row> rows = DataFiles.load(data, DataFiles.Options.STRICT).rows();
        List<Prompt> prompts = new ArrayList<>();
        List<List<String>> answers = new ArrayList<>();
        for (Row row : rows) {
            prompts.add(row.prompt());
            answers.add(answers(row));
        }
        List<double[]> scores;
        try (RewardModel reward = RewardModel.open(engine, model, dtype, MICRO_TOKENS)) {
            listener.begin("scoring", rows.size());
            scores = reward.score(prompts, answers, done -> listener.progress(done, ""));
            listener.end();
        }
        Lines lines = new Lines();
        for (int i = 0; i < rows.size(); i++) {
            lines.add(line(rows.get(i), scores.get(i)));
        }
        return lines;
    }

    private static List<String> answers(Row row) {
        if (row.responses() != null) {
            return row.responses();
        }
        if (row.isPair()) {
            return List.of(row.chosen(), row.rejected());
        }
        if (row.chosen() != null) {
            return List.of(row.chosen());
        }
        throw new DataException(row.source() + ": no answers; reward needs chosen and rejected, or responses");
    }

    private static ObjectNode line(Row row, double[] scores) {
        ObjectNode line = Lines.line();
        Lines.prompt(line, row.prompt());
        if (row.isPair()) {
            line.put("chosen", row.chosen()).put("rejected", row.rejected());
            return line.put("score_chosen", scores[0]).put("score_rejected", scores[1]);
        }
        ArrayNode responses = line.putArray("responses");
        answers(row).forEach(responses::add);
        ArrayNode list = line.putArray("scores");
        for (double score : scores) {
            list.add(score);
        }
        return line;
    }
}
