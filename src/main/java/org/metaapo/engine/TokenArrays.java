package org.metaapo.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_tokens;

/** The arrays off the heap through which a generator tells tokens; made when they are first needed. */
final class TokenArrays implements AutoCloseable {
    private static final int CAPACITY = 512;
    private static final int[] NO_IDS = {};
    private static final float[] NO_LOGPS = {};

    private apo_tokens tokens;
    private LongPointer requests;
    private IntPointer answers;
    private IntPointer ids;
    private IntPointer finish;
    private FloatPointer logps;
    private IntPointer tops;
    private IntPointer topIds;
    private FloatPointer topLogps;

    /** What calls of {@code poll} fill, until one leaves room. */
    List<GeneratedToken> read(Consumer<apo_tokens> poll) {
        if (tokens == null) {
            allocate();
        }
        List<GeneratedToken> all = new ArrayList<>();
        int count;
        do {
            poll.accept(tokens);
            count = tokens.count();
            for (int i = 0; i < count; i++) {
                int many = tops.get(i);
                int[] theirIds = many == 0 ? NO_IDS : new int[many];
                float[] theirLogps = many == 0 ? NO_LOGPS : new float[many];
                for (int j = 0; j < many; j++) {
                    theirIds[j] = topIds.get((long) i * MetaapoC.APO_MOST_TOP + j);
                    theirLogps[j] = topLogps.get((long) i * MetaapoC.APO_MOST_TOP + j);
                }
                all.add(new GeneratedToken(
                        requests.get(i), answers.get(i), ids.get(i), GeneratedToken.Finish.of(finish.get(i)), logps.get(i), theirIds, theirLogps));
            }
        } while (count == CAPACITY);
        return all;
    }

    private void allocate() {
        requests = new LongPointer(CAPACITY);
        answers = new IntPointer(CAPACITY);
        ids = new IntPointer(CAPACITY);
        finish = new IntPointer(CAPACITY);
        logps = new FloatPointer(CAPACITY);
        tops = new IntPointer(CAPACITY);
        topIds = new IntPointer((long) CAPACITY * MetaapoC.APO_MOST_TOP);
        topLogps = new FloatPointer((long) CAPACITY * MetaapoC.APO_MOST_TOP);
        tokens = new apo_tokens()._capacity(CAPACITY).requests(requests).answers(answers).ids(ids).finish(finish).logps(logps).tops(tops)
                .top_ids(topIds).top_logps(topLogps);
    }

    @Override
    public void close() {
        if (tokens == null) {
            return;
        }
        for (AutoCloseable pointer : List.of(tokens, requests, answers, ids, finish, logps, tops, topIds, topLogps)) {
            try {
                pointer.close();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
