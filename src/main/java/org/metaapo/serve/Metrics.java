package org.metaapo.serve;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import org.metaapo.engine.GeneratorState;

/** What has been served, in Prometheus' text format under vLLM's names. */
final class Metrics {
    private static final double[] FIRST_TOKEN = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160};
    private static final double[] LATENCY = {0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960};

    private final LongAdder promptTokens = new LongAdder();
    private final LongAdder generationTokens = new LongAdder();
    private final LongAdder open = new LongAdder();
    private final LongAdder started = new LongAdder();
    private final Map<String, LongAdder> finished = Map.of("stop", new LongAdder(), "length", new LongAdder(), "abort", new LongAdder());
    private final Histogram firstToken = new Histogram(FIRST_TOKEN);
    private final Histogram latency = new Histogram(LATENCY);

    /** One request, of one thread. */
    final class Request {
        private final long begin = System.nanoTime();
        private boolean first = true;
        private boolean over;

        void token() {
            generationTokens.increment();
            if (first) {
                first = false;
                started.increment();
                firstToken.add((System.nanoTime() - begin) / 1e9);
            }
        }

        /** An answer is over. */
        void finished(String reason) {
            finished.get(reason).increment();
        }

        void end() {
            if (over) {
                return;
            }
            over = true;
            open.decrement();
            if (!first) {
                started.decrement();
            }
            latency.add((System.nanoTime() - begin) / 1e9);
        }
    }

    private static final class Histogram {
        private final double[] bounds;
        private final long[] counts;
        private double sum;

        Histogram(double[] bounds) {
            this.bounds = bounds;
            this.counts = new long[bounds.length + 1];
        }

        synchronized void add(double value) {
            int bin = 0;
            while (bin < bounds.length && value > bounds[bin]) {
                bin++;
            }
            counts[bin]++;
            sum += value;
        }

        synchronized void write(StringBuilder out, String name, String labels) {
            long total = 0;
            for (int i = 0; i < counts.length; i++) {
                total += counts[i];
                String bound = i < bounds.length ? String.valueOf(bounds[i]) : "+Inf";
                out.append(name).append("_bucket{").append(labels).append(",le=\"").append(bound).append("\"} ").append(total).append('\n');
            }
            out.append(name).append("_count{").append(labels).append("} ").append(total).append('\n');
            out.append(name).append("_sum{").append(labels).append("} ").append(sum).append('\n');
        }
    }

    Request begin(int tokens) {
        promptTokens.add(tokens);
        open.increment();
        return new Request();
    }

    /** Answers that nobody waits for any more. */
    void abandoned(int answers) {
        finished.get("abort").add(answers);
    }

    String text(String model, GeneratorState state) {
        StringBuilder out = new StringBuilder();
        String labels = "model_name=\"" + model.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
        long running = started.sum();
        one(out, "num_requests_running", "gauge", "Requests whose answers are being written.", labels, running);
        one(out, "num_requests_waiting", "gauge", "Requests that wait for their first token.", labels, Math.max(0, open.sum() - running));
        one(out, "kv_cache_usage_perc", "gauge", "Pages of the KV cache in use; 1 is all.", labels,
                (double) (state.pages() - state.freePages()) / state.pages());
        one(out, "prompt_tokens_total", "counter", "Tokens of prompts.", labels, promptTokens.sum());
        one(out, "generation_tokens_total", "counter", "Tokens written.", labels, generationTokens.sum());
        head(out, "request_success_total", "counter", "Answers that are over, by why.");
        new TreeMap<>(finished).forEach((reason, count) -> out.append("metaapo:request_success_total{").append(labels)
                .append(",finished_reason=\"").append(reason).append("\"} ").append(count.sum()).append('\n'));
        head(out, "time_to_first_token_seconds", "histogram", "From a request's arrival to its first token.");
        firstToken.write(out, "metaapo:time_to_first_token_seconds", labels);
        head(out, "e2e_request_latency_seconds", "histogram", "From a request's arrival to its end.");
        latency.write(out, "metaapo:e2e_request_latency_seconds", labels);
        return out.toString();
    }

    private static void head(StringBuilder out, String name, String type, String help) {
        out.append("# HELP metaapo:").append(name).append(' ').append(help).append("\n# TYPE metaapo:").append(name).append(' ').append(type).append('\n');
    }

    private static void one(StringBuilder out, String name, String type, String help, String labels, double value) {
        head(out, name, type, help);
        String shown = value == Math.rint(value) ? String.valueOf((long) value) : String.format(Locale.ROOT, "%.6f", value);
        out.append("metaapo:").append(name).append('{').append(labels).append("} ").append(shown).append('\n');
    }
}
