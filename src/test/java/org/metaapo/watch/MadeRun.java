package org.metaapo.watch;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/** Writes folders of runs as training writes them, with numbers that nobody has computed. */
final class MadeRun {
    private static final int ROWS = 64;
    private static final double BEGIN = 1.79e9;

    private final Path folder;
    private final Random random;

    private MadeRun(Path folder, long seed) {
        this.folder = folder;
        this.random = new Random(seed);
    }

    /**
     * Writes a run.
     *
     * @param steps taken
     * @param aSlice steps of a slice
     * @param finished whether it has its end line
     */
    static void write(Path folder, int steps, int aSlice, boolean finished, long seed) throws IOException {
        new MadeRun(folder, seed).write(steps, aSlice, finished);
    }

    private static String line(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values) + "\n";
    }

    private void write(int steps, int aSlice, boolean finished) throws IOException {
        Files.createDirectories(folder.resolve("samples"));
        Files.writeString(folder.resolve("config.yaml"), "recipe: metaapo\nout: " + folder + "\nmodel: {path: models/policy}\nobjective: {name: dpo, beta: 0.1}\nrollout: {k: 4}\n");
        try (BufferedWriter out = Files.newBufferedWriter(folder.resolve("metrics.jsonl"))) {
            out.write(line("{\"kind\":\"start\",\"time\":%f,\"recipe\":\"metaapo\",\"rows\":%d,\"steps\":%d,\"device\":\"cpu\",\"threads\":2,\"dtype\":\"f32\",\"meta_features\":[\"score\"],\"meta_parameters\":[%s]}",
                    BEGIN, ROWS * (steps / aSlice + 1), steps, parameters(0)));
            for (int step = 0; step < steps; step++) {
                if (step % aSlice == 0) {
                    slice(out, step / aSlice, step);
                }
                step(out, step + 1, steps);
            }
            if (finished) {
                out.write(line("{\"kind\":\"end\",\"step\":%d,\"prompts_seen\":%d,\"prompts_sampled\":%d,\"answers_generated\":%d,\"answers_annotated\":%d,\"ties\":1,\"seconds_scoring\":1.0,"
                        + "\"seconds_sampling\":3.5,\"seconds_ranking\":1.5,\"seconds_training\":9.0,\"time\":%f}", steps, 1000, 700, 2800, 2800, BEGIN + steps));
            }
        }
    }

    private String parameters(double share) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 301; i++) {
            text.append(i == 0 ? "" : ",").append(i < 100 ? 0.1 + 0.2 * share : i < 200 ? 0 : i < 300 ? 0.1 - 0.12 * share : -share);
        }
        return text.toString();
    }

    private void step(BufferedWriter out, int step, int steps) throws IOException {
        double done = (double) step / steps;
        double noise = random.nextGaussian();
        out.write(line("{\"step\":%d,\"epoch\":%f,\"loss\":%f,\"logps_chosen\":%f,\"logps_rejected\":%f,\"rewards_chosen\":%f,\"rewards_rejected\":%f,\"rewards_margin\":%f,\"accuracy\":%f,"
                + "\"weight_mean\":%f,\"score_offline\":%f,\"score_online\":%f,\"online_share\":%f,\"kl\":%f,\"grad_norm\":%f,\"learning_rate\":%.9f,\"tokens\":%d,\"seconds\":%f,"
                + "\"tokens_per_second\":%f,\"tokens_seen\":%d,\"memory\":%d,\"seconds_left\":%d,\"time\":%f}",
                step, done, 0.69 - 0.2 * done + 0.03 * noise, -40 - 6 * done + noise, -42 - 11 * done + noise, -0.6 * done + 0.05 * noise, -1.2 * done + 0.05 * noise, 0.6 * done, 0.5 + 0.25 * done,
                0.33 - 0.2 * done, -0.69 + 0.1 * done, -0.69 + 0.25 * done, 0.7, 2 * done, 1 + 0.2 * Math.abs(noise), 5e-7 * (1 - 0.9 * done), 600, 0.9, 650 + 20 * noise, 600L * step, 3L << 30, steps - step,
                BEGIN + step));
        if (step % 8 == 0) {
            out.write(line("{\"kind\":\"meta\",\"step\":%d,\"rows\":47,\"meta_loss\":%f,\"weight_mean\":%f,\"meta_parameters\":[%s],\"time\":%f}", step, 0.69 - 0.1 * done, 0.33 - 0.2 * done, parameters(done), BEGIN + step));
        }
        if (step % Math.max(1, steps / 10) == 0) {
            out.write(line("{\"kind\":\"eval\",\"step\":%d,\"epoch\":%f,\"loss\":%f,\"rewards_chosen\":%f,\"rewards_rejected\":%f,\"rewards_margin\":%f,\"accuracy\":%f,\"time\":%f}",
                    step, done, 0.68 - 0.12 * done, -0.5 * done, -0.9 * done, 0.4 * done, 0.5 + 0.2 * done, BEGIN + step));
        }
    }

    private void slice(BufferedWriter out, int slice, int step) throws IOException {
        int sampled = 0;
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < ROWS; i++) {
            double score = -0.7 + 0.3 * random.nextGaussian();
            double w = 1 / (1 + Math.exp(0.7 - score + slice * 0.02));
            double u = random.nextDouble();
            sampled += u > w ? 1 : 0;
            rows.append(line("{\"row\":%d,\"source\":\"pairs.jsonl:%d\",\"prompt\":\"Question %d of slice %d: how many words are in this line, and why are there so many of them?\",\"chosen\":\"Nineteen.\","
                    + "\"rejected\":\"I do not know.\",\"score\":%f,\"weight\":%f,\"uniform\":%f,\"sampled\":%b%s}", i, i + 1, i, slice, Math.min(-0.01, score), w, u, u > w,
                    u > w ? answers() : ""));
        }
        Files.writeString(folder.resolve(String.format(Locale.ROOT, "samples/epoch-000-slice-%04d.jsonl", slice)), rows);
        out.write(line("{\"kind\":\"phase\",\"phase\":\"sampling\",\"epoch\":0,\"slice\":%d,\"step\":%d,\"time\":%f}", slice, step, BEGIN + step));
        out.write(line("{\"kind\":\"slice\",\"epoch\":0,\"slice\":%d,\"step\":%d,\"rows\":%d,\"sampled\":%d,\"trained\":%d,\"answer_tokens\":%f,\"clipped_share\":%f,\"time\":%f}",
                slice, step, ROWS, sampled, ROWS, 20 + random.nextDouble(), 0.1, BEGIN + step));
        out.write(line("{\"kind\":\"phase\",\"phase\":\"training\",\"epoch\":0,\"slice\":%d,\"step\":%d,\"time\":%f}", slice, step, BEGIN + step));
    }

    private String answers() {
        StringBuilder text = new StringBuilder(",\"answers\":[");
        for (int k = 0; k < 4; k++) {
            text.append(k == 0 ? "" : ",").append(String.format(Locale.ROOT, "{\"text\":\"Answer %d of the policy, in some words\",\"reward\":%f,\"tokens\":%d,\"finish\":\"%s\",\"logp\":-12.5}",
                    k, 2 - k + random.nextDouble(), 8 + k, k == 3 ? "length" : "stop"));
        }
        return text + "],\"online_chosen\":0,\"online_rejected\":3,\"reward_chosen\":0.5,\"reward_rejected\":-0.5";
    }
}
