package org.metaapo.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_adapter;
import org.metaapo.engine.internal.apo_answers;
import org.metaapo.engine.internal.apo_generator;
import org.metaapo.engine.internal.apo_generator_options;
import org.metaapo.engine.internal.apo_generator_state;
import org.metaapo.engine.internal.apo_model;
import org.metaapo.engine.internal.apo_prompts;
import org.metaapo.engine.internal.apo_request;
import org.metaapo.engine.internal.apo_sampling;

/**
 * Writes answers, with a KV cache and continuous batching: all prompts of a {@link #generate call}, or requests that come and go while
 * others run. For these {@link #submit} takes a request, {@link #step} brings all of them on by a token, {@link #poll} gives what has
 * been made, and {@link #cancel} ends one. What an answer is depends on its request and the weights alone, to rounding.
 */
public final class Generator extends NativeHandle {
    private static final long NOTICE_BYTES = 512;

    private final apo_generator handle = new apo_generator(null);
    private final TokenArrays arrays = new TokenArrays();

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
                IntPointer stops = orOne(sampling.stopIds());
                IntPointer out = new IntPointer((long) count * width);
                IntPointer outLengths = new IntPointer(count);
                IntPointer finish = new IntPointer(count);
                DoublePointer sums = new DoublePointer(count);
                apo_prompts p = new apo_prompts();
                apo_sampling s = toNative(sampling, stops);
                apo_answers a = new apo_answers()) {
            p.count(prompts.size()).reserved(0).tokens(tokens).lengths(promptLengths).keys(promptKeys);
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

    private static IntPointer orOne(int[] values) {
        return new IntPointer(values.length == 0 ? new int[1] : values);
    }

    private static apo_sampling toNative(Sampling sampling, IntPointer stops) {
        apo_sampling s = new apo_sampling();
        s.k(sampling.k()).max_new_tokens(sampling.maxNewTokens()).greedy(sampling.greedy() ? 1 : 0);
        s.top_k(sampling.topK()).top_p(sampling.topP()).temperature(sampling.temperature()).seed(sampling.seed());
        return s.stop_ids(stops).stop_count(sampling.stopIds().length).reserved(0);
    }

    /**
     * Takes a request.
     *
     * @return its number, by which tokens name it
     * @throws IllegalArgumentException where the model's positions or the cache are too small for it, or a value is out of range
     */
    public long submit(GenerationRequest request) {
        ensureOpen();
        long[] number = new long[1];
        int[] biasIds = request.bias().keySet().stream().mapToInt(Integer::intValue).sorted().toArray();
        float[] bias = new float[Math.max(1, biasIds.length)];
        for (int i = 0; i < biasIds.length; i++) {
            bias[i] = request.bias().get(biasIds[i]);
        }
        try (IntPointer tokens = orOne(request.prompt());
                IntPointer stops = orOne(request.sampling().stopIds());
                IntPointer ids = orOne(biasIds);
                FloatPointer values = new FloatPointer(bias);
                apo_sampling sampling = toNative(request.sampling(), stops);
                apo_request r = new apo_request()) {
            r.tokens(tokens).length(request.prompt().length).prompt_logps(request.promptLogps() ? 1 : 0);
            r.key(request.key()).group(request.group()).sampling(sampling);
            r.bias_ids(ids).bias(values).bias_count(biasIds.length).top(request.top());
            Native.check(error -> MetaapoC.apo_generator_submit(handle, r, number, error));
        }
        return number[0];
    }

    /**
     * Runs prompts, or brings every answer that has a place on by a token. After a failure all requests are to be cancelled.
     *
     * @return whether requests are left
     */
    public boolean step() {
        ensureOpen();
        int[] busy = new int[1];
        Native.check(error -> MetaapoC.apo_generator_step(handle, busy, error));
        return busy[0] != 0;
    }

    /** The tokens that steps have made since the last call, in the order in which they came. */
    public List<GeneratedToken> poll() {
        ensureOpen();
        return arrays.read(tokens -> Native.check(error -> MetaapoC.apo_generator_poll(handle, tokens, error)));
    }

    /** Ends all answers of a request at once: places and pages are free, and no token is told any more. One that is over stays so. */
    public void cancel(long request) {
        cancel(request, -1);
    }

    /** Ends one answer of a request. */
    public void cancel(long request, int answer) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_generator_cancel(handle, request, answer, error));
    }

    /** What it is doing. */
    public GeneratorState state() {
        ensureOpen();
        try (apo_generator_state s = new apo_generator_state()) {
            Native.check(error -> MetaapoC.apo_generator_state_of(handle, s, error));
            return new GeneratorState(s.requests(), s.running(), s.waiting(), s.places(), s.pages(), s.pages_free(), s.page_tokens());
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
        arrays.close();
    }
}
