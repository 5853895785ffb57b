package org.metaapo.jobs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.data.Row;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Sampling;
import org.metaapo.error.DataException;
import org.metaapo.ranks.Ranks;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.RunListener;

/** Answers to the prompts of data files. */
public final class GenerateJob {
    private GenerateJob() {}

    /**
     * Answers all prompts; ranks share them out, and all have all answers.
     *
     * @param adapter folder of an adapter over the model, or null
     * @param quantization packs the model's weights; null for them as the files have them
     * @param variables of the chat template, which a row's own go before
     * @param sampling its stop ids are not read: they are the model's own
     */
    public static Lines run(
            Engine engine, Dtype dtype, Path model, Path adapter, Quantization quantization, List<Path> data, ChatOptions chat, Map<String, Object> variables,
            Sampling sampling, int sequences, RunListener listener, Ranks ranks) {
        try (Policy policy = ranks.agree(() -> Policy.open(model, adapter, quantization, chat))) {
            ranks.lead(() -> policy.folder().requireHead(Head.LM));
            List<Row> rows = JobRows.load(data, variables, ranks);
            Answering answering = ranks.agree(() -> prepared(policy, rows, sampling, ranks));
            List<List<GeneratedAnswer>> answers;
            try (AdaptedFolder.Loaded weights = ranks.agree(() -> policy.load(engine, dtype))) {
                listener.begin("generating", rows.size());
                answers = answering.write(weights.network(), sampling, sequences, done -> listener.progress(done, ""), listener::note);
                listener.end();
            }
            Lines lines = new Lines();
            List<List<String>> texts = answering.texts(answers);
            for (int i = 0; i < rows.size(); i++) {
                lines.add(line(rows.get(i), answers.get(i), texts.get(i)));
            }
            return lines;
        }
    }

    /** Throws where a prompt leaves too little room. */
    private static Answering prepared(Policy policy, List<Row> rows, Sampling sampling, Ranks ranks) {
        Answering answering = new Answering(policy, rows, ranks);
        for (int i = 0; i < rows.size(); i++) {
            int tokens = answering.prompts().get(i).length;
            if (tokens + sampling.maxNewTokens() > policy.config().maxPositions()) {
                throw new DataException(rows.get(i).source() + ": the prompt has " + tokens + " tokens, with "
                        + sampling.maxNewTokens() + " new ones more than the model's "
                        + policy.config().maxPositions() + " positions; lower --max-new-tokens");
            }
        }
        return answering;
    }

    private static ObjectNode line(Row row, List<GeneratedAnswer> answers, List<String> texts) {
        ObjectNode line = Lines.line();
        Lines.prompt(line, row.prompt());
        ArrayNode responses = line.putArray("responses");
        ArrayNode tokens = line.putArray("tokens");
        ArrayNode logps = line.putArray("logps");
        ArrayNode finish = line.putArray("finish");
        texts.forEach(responses::add);
        for (GeneratedAnswer answer : answers) {
            int[] ids = answer.tokens();
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
