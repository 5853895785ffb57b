package org.metaapo.rollout;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.ranks.Codec;

/** The answers to a prompt. */
final class AnswerCodec implements Codec<List<GeneratedAnswer>> {
    @Override
    public void write(List<GeneratedAnswer> answers, DataOutput out) throws IOException {
        out.writeInt(answers.size());
        for (GeneratedAnswer answer : answers) {
            out.writeInt(answer.tokens().length);
            for (int token : answer.tokens()) {
                out.writeInt(token);
            }
            out.writeBoolean(answer.stopped());
            out.writeDouble(answer.logp());
        }
    }

    @Override
    public List<GeneratedAnswer> read(DataInput in) throws IOException {
        List<GeneratedAnswer> answers = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            int[] tokens = new int[in.readInt()];
            for (int i = 0; i < tokens.length; i++) {
                tokens[i] = in.readInt();
            }
            answers.add(new GeneratedAnswer(tokens, in.readBoolean(), in.readDouble()));
        }
        return answers;
    }
}
