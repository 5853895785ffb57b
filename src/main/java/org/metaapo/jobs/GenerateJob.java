package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import org.metaapo.data.DataFiles;
import org.metaapo.data.Row;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Head;
import org.metaapo.engine.Model;
import org.metaapo.engine.Sampling;
import org.metaapo.error.DataException;
import org.metaapo.train.RunListener;

/** Answers to the prompts of data files. */
public final class GenerateJob {
    private GenerateJob() {}

    /** The sampling's stop ids are the model's own; its {@code stopIds} are not read. */
    public static Lines run(
            Engine engine, Dtype dtype, Path model, List<Path> data, Sampling sampling, int sequences, RunListener listener) {
        try (Policy policy = Policy.open(model)) {
            policy.folder().requireHead(Head.LM);
            List<Row> rows = DataFiles.load(data, DataFiles.Options.STRICT).rows();
            Answering answering = new Answering(policy, rows);
            for (int i = 0; i < rows.size(); i++) {
                int tokens = answering.prompts().get(i).length;
                if (tokens + sampling.maxNewTokens() > policy.folder().config().maxPositions()) {
                    throw new DataException(rows.get(i).source() + ": the prompt has " + tokens + " tokens, with "
                            + sampling.maxNewTokens() + " new ones more than the model's "
                            + policy.folder().config().maxPositions() + " positions; lower --max-new-tokens");
                }
            }
            List<List<GeneratedAnswer>> answers;
            try (Model weights = policy.load(engine, dtype)) {
                listener.begin("generating", rows.size());
                answers = answering.write(weights, sampling, sequences, done -> listener.progress(done, ""), listener::note);
                listener.end();
            }
            Lines lines = new Lines();
            for (int i = 0; i < rows.size(); i++) {
                lines.add(line(answering, rows.get(i), answers.get(i)));
            }
            return lines;
        }
    }

    private static ObjectNode line(Answering answering, Row row, List<GeneratedAnswer> answers) {
        ObjectNode line = Lines.line();
        Lines.prompt(line, row.prompt());
        ArrayNode responses = line.putArray("responses");
        ArrayNode tokens = line.putArray("tokens");
        ArrayNode logps = line.putArray("logps");
        ArrayNode finish = line.putArray("finish");
        for (GeneratedAnswer answer : answers) {
            int[] ids = answer.tokens();
            responses.add(answering.text(answer));
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
