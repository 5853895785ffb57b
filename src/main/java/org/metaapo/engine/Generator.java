package org.metaapo.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_adapter;
import org.metaapo.engine.internal.apo_answers;
import org.metaapo.engine.internal.apo_generator;
import org.metaapo.engine.internal.apo_generator_options;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_prompts;
import org.metaapo.engine.internal.apo_sampling;

/** Writes answers, with a KV cache and continuous batching. */
public final class Generator extends NativeHandle {
    private static final long NOTICE_BYTES = 512;

    private final apo_generator handle = new apo_generator(null);

    /** @param adapterHandle null for the model alone */
    Generator(NativeHandle parent, apo_model modelHandle, apo_adapter adapterHandle, GeneratorOptions options) {
        super(parent);
        try (apo_generator_options o = options.toNative()) {
            Native.check(error -> MetaapoC.apo_generator_create(modelHandle, adapterHandle, o, handle, error));
        }
        register();
    }

    /**
     * Answers all prompts; an answer does not depend on the others, to rounding.
     *
     * @param prompts token ids, none empty
     * @param keys names each prompt's random numbers
     * @param progress null, or to watch and cancel
     * @return k answers for each prompt, in order
     */
    public List<List<GeneratedAnswer>> generate(
            List<int[]> prompts, long[] keys, Sampling sampling, Progress progress) {
        ensureOpen();
        if (keys.length != prompts.size()) {
            throw new IllegalArgumentException(keys.length + " keys for " + prompts.size() + " prompts");
        }
        if (prompts.isEmpty()) {
            return List.of();
        }
        int k = Math.max(1, sampling.k());
        int width = Math.max(1, sampling.maxNewTokens());
        int count = Math.multiplyExact(prompts.size(), k);
        int[] lengths = prompts.stream().mapToInt(p -> p.length).toArray();
        try (IntPointer tokens = Native.ints(prompts.stream().flatMapToInt(java.util.Arrays::stream).toArray());
                IntPointer promptLengths = Native.ints(lengths);
                LongPointer promptKeys = new LongPointer(keys);
                IntPointer stops = new IntPointer(sampling.stopIds().length == 0 ? new int[1] : sampling.stopIds());
                IntPointer out = new IntPointer((long) count * width);
                IntPointer outLengths = new IntPointer(count);
                IntPointer finish = new IntPointer(count);
                DoublePointer sums = new DoublePointer(count);
                apo_prompts p = new apo_prompts();
                apo_sampling s = new apo_sampling();
                apo_answers a = new apo_answers()) {
            p.count(prompts.size()).reserved(0).tokens(tokens).lengths(promptLengths).keys(promptKeys);
            s.k(sampling.k()).max_new_tokens(sampling.maxNewTokens()).greedy(sampling.greedy() ? 1 : 0);
            s.top_k(sampling.topK()).top_p(sampling.topP()).temperature(sampling.temperature()).seed(sampling.seed());
            s.stop_ids(stops).stop_count(sampling.stopIds().length).reserved(0);
            a.tokens(out).lengths(outLengths).finish(finish).sums(sums).token_logps(null);
            Native.check(error -> MetaapoC.apo_generate(handle, p, s, a, Progress.handle(progress), error));
            List<List<GeneratedAnswer>> all = new ArrayList<>();
            for (int i = 0; i < prompts.size(); i++) {
                List<GeneratedAnswer> answers = new ArrayList<>();
                for (int j = i * k; j < (i + 1) * k; j++) {
                    int[] ids = new int[outLengths.get(j)];
                    out.position((long) j * width).get(ids);
                    answers.add(new GeneratedAnswer(ids, finish.get(j) == 0, sums.get(j)));
                }
                all.add(List.copyOf(answers));
            }
            out.position(0);
            return all;
        }
    }

    /** What has made the answers slower to write than they should be, one line, said once. */
    public Optional<String> notice() {
        ensureOpen();
        try (BytePointer line = new BytePointer(NOTICE_BYTES)) {
            Native.check(error -> MetaapoC.apo_generator_notice(handle, line, NOTICE_BYTES, error));
            return Optional.of(Native.text(line)).filter(text -> !text.isEmpty());
        }
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_generator_close(handle, error));
    }
}
