package org.metaapo.evaluate.alpaca;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.metaapo.config.Program;
import org.metaapo.evaluate.JsonFields;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.evaluate.judge.Budget;
import org.metaapo.evaluate.judge.JudgeReply;
import org.metaapo.evaluate.judge.JudgeRequest;
import org.metaapo.evaluate.judge.Outcome;
import org.metaapo.files.Json;

/**
 * AlpacaEval's calls and the annotations that come of them: the answer shown first is {@code m}, the other {@code M}, the order is {@link OrderSwap}'s, or both,
 * and equal answers tie without a call.
 */
public final class AlpacaJudging {
    private static final int MAX_TOKENS = 1;
    private static final double TEMPERATURE = 1;
    private static final int TOP_LOG_PROBS = 5;
    private static final double TIE = 1.5;
    private static final List<String> LABELS = List.of("m", "M");

    private final AlpacaPairs pairs;
    private final AlpacaPrompt prompt;
    private final boolean isBothOrders;

    /** @param isBothOrders whether each pair is judged in both orders, and the preference is the mean of the two */
    public AlpacaJudging(AlpacaPairs pairs, AlpacaPrompt prompt, boolean isBothOrders) {
        this.pairs = pairs;
        this.prompt = prompt;
        this.isBothOrders = isBothOrders;
    }

    /** The judge with prompt and sampling. */
    public JudgeSetup setup(JudgeSetup judge) {
        return judge.in(prompt.text(), Map.of("max_tokens", MAX_TOKENS, "temperature", TEMPERATURE, "top_logprobs", TOP_LOG_PROBS,
                "orders", isBothOrders ? "both" : "official"));
    }

    private boolean isTied(int i) {
        return pairs.baseline().get(i).output().equals(pairs.model().get(i).output());
    }

    /** Whether the model's answer is shown first, in each of a pair's calls. */
    private List<Boolean> orders(int i) {
        boolean isSwapped = OrderSwap.isSwapped(pairs.model().get(i).instruction());
        return isTied(i) ? List.of() : isBothOrders ? List.of(isSwapped, !isSwapped) : List.of(isSwapped);
    }

    /** All calls, pair after pair. */
    public List<JudgeRequest> requests() {
        List<JudgeRequest> requests = new ArrayList<>();
        for (int i = 0; i < pairs.model().size(); i++) {
            String baseline = pairs.baseline().get(i).output();
            String model = pairs.model().get(i).output();
            for (boolean isSwapped : orders(i)) {
                requests.add(new JudgeRequest(prompt.fill(pairs.model().get(i).instruction(), isSwapped ? model : baseline, isSwapped ? baseline : model),
                        MAX_TOKENS, TEMPERATURE, TOP_LOG_PROBS, LABELS));
            }
        }
        return requests;
    }

    /**
     * The rows of the official file.
     *
     * @param outcomes of {@link #requests}
     * @param setup of {@link #setup}
     * @param prices of the calls
     */
    public List<Annotation> annotations(List<Outcome> outcomes, JudgeSetup setup, Budget prices) {
        List<Annotation> rows = new ArrayList<>();
        int at = 0;
        for (int i = 0; i < pairs.model().size(); i++) {
            List<Boolean> orders = orders(i);
            rows.add(row(i, orders, outcomes.subList(at, at + orders.size()), setup, prices));
            at += orders.size();
        }
        return rows;
    }

    private Annotation row(int i, List<Boolean> orders, List<Outcome> outcomes, JudgeSetup setup, Budget prices) {
        ModelOutput baseline = pairs.baseline().get(i);
        ModelOutput model = pairs.model().get(i);
        ObjectNode row = start(baseline, model, setup);
        List<Double> preferences = new ArrayList<>();
        for (int k = 0; k < orders.size(); k++) {
            JudgeReply reply = outcomes.get(k).reply();
            preferences.add(reply == null ? null : LabelPreference.of(reply.logProbs(), orders.get(k)));
        }
        Double preference = isTied(i) ? (Double) TIE : preferences.contains(null) ? null
                : (Double) preferences.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        row.put("preference", preference);
        row.put(Annotation.PRICE, sum(outcomes, prices::price)).put(Annotation.TIME, sum(outcomes, reply -> Double.isNaN(reply.seconds()) ? null : (Double) reply.seconds()));
        row.put("preference_version", Program.VERSION).put("preference_date", Instant.now().toString());
        if (orders.size() == 1) {
            row.put(Annotation.MODEL_FIRST, orders.get(0));
        } else {
            for (int k = 0; k < orders.size(); k++) {
                row.put(orders.get(k) ? Annotation.PREFERENCE_MODEL_FIRST : Annotation.PREFERENCE_BASELINE_FIRST, preferences.get(k));
            }
        }
        outcomes.stream().filter(outcome -> outcome.reply() == null).findFirst().ifPresentOrElse(
                failed -> row.put("failure", failed.failure()), () -> raw(row, outcomes));
        row.set(JudgeSetup.FIELD, setup.setup());
        return Annotation.of(new JsonFields(row, model.where()));
    }

    /** Of a pair's replies; null where one has none, and without a call. */
    private static Double sum(List<Outcome> outcomes, Function<JudgeReply, Double> value) {
        List<Double> values = outcomes.stream().map(outcome -> outcome.reply() == null ? null : value.apply(outcome.reply())).toList();
        return values.isEmpty() || values.contains(null) ? null : (Double) values.stream().mapToDouble(Double::doubleValue).sum();
    }

    static ObjectNode start(ModelOutput baseline, ModelOutput model, JudgeSetup setup) {
        ObjectNode row = Json.mapper().createObjectNode().put("instruction", model.instruction()).put("output_1", baseline.output())
                .put("generator_1", baseline.generator()).put("dataset", baseline.dataset()).put("output_2", model.output())
                .put("generator_2", model.generator());
        return row.put("annotator", setup.judge());
    }

    /** What the judge said, of each call. */
    private static void raw(ObjectNode row, List<Outcome> outcomes) {
        for (Outcome outcome : outcomes) {
            ObjectNode raw = row.withArray("preference_raw_completion").addObject().put("text", outcome.reply().text());
            outcome.reply().logProbs().forEach(raw.putObject("log_probs")::put);
        }
    }
}
