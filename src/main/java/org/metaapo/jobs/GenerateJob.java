package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Model;
import org.metaapo.engine.Sampling;
import org.metaapo.error.DataException;
import org.metaapo.rollout.AnswerWriter;
import org.metaapo.train.RunListener;

/** Answers to the prompts of data files. */
public final class GenerateJob {
    private GenerateJob() {}

    /** The sampling's stop ids are the model's own; its {@code stopIds} are not read. */
    public static Lines run(
            Engine engine, Dtype dtype, Path model, List<Path> data, Sampling sampling, int sequences, RunListener listener) {
        try (Policy policy = Policy.open(model)) {
            List<Row> rows = DataFiles.load(data, DataFiles.Options.STRICT).rows();
            RowEncoder encoder = new RowEncoder(policy.format(), Integer.MAX_VALUE, Integer.MAX_VALUE);
            List<int[]> prompts = new ArrayList<>();
            for (Row row : rows) {
                int[] ids = encoder.encodePrompt(row.prompt());
                if (ids.length + sampling.maxNewTokens() > policy.folder().config().maxPositions()) {
                    throw new DataException(row.source() + ": the prompt has " + ids.length + " tokens, with "
                            + sampling.maxNewTokens() + " new ones more than the model's "
                            + policy.folder().config().maxPositions() + " positions; lower --max-new-tokens");
                }
                prompts.add(ids);
            }
            Sampling full = new Sampling(
                    sampling.k(), sampling.maxNewTokens(), sampling.greedy(), sampling.topK(), sampling.topP(),
                    sampling.temperature(), sampling.seed(), policy.format().stopIds());
            long[] keys = rows.stream().mapToLong(Row::id).toArray();
            List<List<GeneratedAnswer>> answers;
            try (Model weights = policy.load(engine, dtype)) {
                listener.begin("generating", prompts.size());
                answers = new AnswerWriter(weights, sequences).write(prompts, keys, full, done -> listener.progress(done, ""));
                listener.end();
            }
            Lines lines = new Lines();
            for (int i = 0; i < rows.size(); i++) {
                lines.add(line(policy, rows.get(i), answers.get(i)));
            }
            return lines;
        }
    }

    private static ObjectNode line(Policy policy, Row row, List<GeneratedAnswer> answers) {
        ObjectNode line = Lines.line();
        Lines.prompt(line, row.prompt());
        ArrayNode responses = line.putArray("responses");
        ArrayNode tokens = line.putArray("tokens");
        ArrayNode logps = line.putArray("logps");
        ArrayNode finish = line.putArray("finish");
        for (GeneratedAnswer answer : answers) {
            int[] ids = answer.tokens();
            int[] text = answer.stopped() ? Arrays.copyOf(ids, ids.length - 1) : ids;
            responses.add(policy.format().tokenizer().decode(text, true));
            ArrayNode list = tokens.addArray();
            for (int id : ids) {
                list.add(id);
            }
            logps.add(answer.logp());
            finish.add(answer.stopped() ? "stop" : "length");
        }
        return line;
    }
}
