package org.metaapo.jobs;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.metaapo.data.Row;
import org.metaapo.data.RowEncoder;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Network;
import org.metaapo.engine.Sampling;
import org.metaapo.ranks.Ranks;
import org.metaapo.rollout.AnswerWriter;

/** A policy's answers to the prompts of rows. */
public final class Answering {
    private final Policy policy;
    private final List<Row> rows;
    private final Ranks ranks;
    private final List<int[]> prompts = new ArrayList<>();

    /** Tokenizes the prompts, which {@code ranks} share out; reads no weights. */
    public Answering(Policy policy, List<Row> rows, Ranks ranks) {
        this.ranks = ranks;
        this.policy = policy;
        this.rows = List.copyOf(rows);
        RowEncoder encoder = new RowEncoder(policy.format(), Integer.MAX_VALUE, Integer.MAX_VALUE);
        rows.forEach(row -> prompts.add(encoder.encodePrompt(row.prompt())));
    }

    /** Ids of each row's prompt. */
    public List<int[]> prompts() {
        return prompts;
    }

    /** Tokens that an answer to the longest prompt may have. */
    public int room() {
        return policy.config().maxPositions() - prompts.stream().mapToInt(p -> p.length).max().orElse(0);
    }

    /**
     * k answers to each prompt.
     *
     * @param sampling its stop ids are not read: they are the policy's own
     * @param sequences answers decoded at once
     * @param done as in {@link AnswerWriter#write}
     * @param note as there
     */
    public List<List<GeneratedAnswer>> write(
            Network model, Sampling sampling, int sequences, LongConsumer done, Consumer<String> note) {
        Sampling full = new Sampling(
                sampling.k(), sampling.maxNewTokens(), sampling.greedy(), sampling.topK(), sampling.topP(),
                sampling.temperature(), sampling.seed(), policy.format().stopIds());
        long[] keys = rows.stream().mapToLong(Row::id).toArray();
        return new AnswerWriter(model, sequences, ranks).write(prompts, keys, full, done, note);
    }

    /** The texts of the answers to each prompt, without their stop tokens. */
    public List<List<String>> texts(List<List<GeneratedAnswer>> answers) {
        List<List<String>> texts = new ArrayList<>();
        for (int i = 0; i < answers.size(); i++) {
            int[] prompt = prompts.get(i);
            texts.add(answers.get(i).stream()
                    .map(answer -> policy.format().answerText(prompt, answer.tokens(), answer.stopped())).toList());
        }
        return texts;
    }
}
