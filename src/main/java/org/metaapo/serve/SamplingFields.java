package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.metaapo.engine.GenerationRequest;
import org.metaapo.engine.Sampling;
import org.metaapo.files.Json;

/** The fields by which both kinds of request say how answers are drawn. */
final class SamplingFields {
    static final int MOST_N = 128;
    static final int MOST_STOPS = 16;
    private static final int MOST_ANSWERS = 2048;
    private static final int MOST_BIASES = 1024;

    private final ServedModel model;
    private final Fields fields;

    SamplingFields(ServedModel model, Fields fields) {
        this.model = model;
        this.fields = fields;
    }

    /** Refuses what would change the answers and is not served. */
    void refuseOthers() {
        String penalties = "penalties are not served";
        fields.refuse("frequency_penalty", 0, penalties);
        fields.refuse("presence_penalty", 0, penalties);
        fields.refuse("repetition_penalty", 1, penalties);
        fields.refuse("no_repeat_ngram_size", 0, penalties);
        fields.refuse("min_p", 0, "only temperature, top_p and top_k are served");
        fields.refuse("typical_p", 1, "only temperature, top_p and top_k are served");
        fields.refuse("min_tokens", 0, "only a largest length is served");
        for (String name : List.of("guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "grammar", "json_schema")) {
            if (fields.has(name)) {
                throw ApiException.invalid(name, name + ": answers of a given form are not served");
            }
        }
        JsonNode format = fields.get("response_format");
        if (format != null && !format.path("type").asText().equals("text")) {
            throw ApiException.invalid("response_format", "response_format is " + Json.write(format) + "; only {\"type\": \"text\"} is served");
        }
        if (fields.flag("use_beam_search", false)) {
            throw ApiException.invalid("use_beam_search", "beam search is not served");
        }
    }

    /** The whole, for prompts that are tokenized. */
    Ask ask(List<Ask.Prompt> prompts, String promptField, boolean echo, int tops, Integer mostAsked, String mostField) {
        int n = (int) fields.integer("n", 1, MOST_N, 1);
        if (fields.has("best_of") && fields.integer("best_of", 1, MOST_N, n) != n) {
            throw fields.wrong("best_of", "as many as n: every answer is told");
        }
        if ((long) prompts.size() * n > MOST_ANSWERS) {
            throw ApiException.invalid("n", prompts.size() + " prompts with " + n + " answers each are more than " + MOST_ANSWERS + " answers");
        }
        double temperature = fields.number("temperature", 0, 100, 1);
        double topP = fields.number("top_p", 0, 1, 1);
        if (topP == 0) {
            throw fields.wrong("top_p", "more than 0 and at most 1");
        }
        long topK = fields.integer("top_k", -1, Integer.MAX_VALUE, 0);
        long seed = fields.has("seed") ? fields.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE, 0) : model.seeds().getAsLong();
        List<String> stops = fields.texts("stop", MOST_STOPS);
        Map<Integer, Float> bias = bias();
        int[] stopIds = fields.flag("ignore_eos", false) ? new int[0] : model.format().stopIds();
        if (fields.has("stop_token_ids")) {
            stopIds = IntStream.concat(IntStream.of(stopIds), IntStream.of(model.ids("stop_token_ids", fields.get("stop_token_ids")))).toArray();
        }
        boolean stream = fields.flag("stream", false);
        JsonNode options = fields.get("stream_options");
        if (options != null && !options.isObject()) {
            throw fields.wrong("stream_options", "an object");
        }
        boolean usage = stream && options != null && new Fields(options).flag("include_usage", false);
        int[] ends = stopIds;
        int[] number = new int[1];
        List<GenerationRequest> requests = prompts.stream().map(Ask.Prompt::ids).map(prompt -> {
            int most = model.newTokens(prompt.length, mostAsked, promptField, mostField);
            Sampling sampling = new Sampling(n, Math.max(1, most), temperature == 0, (int) Math.max(0, topK), topP, temperature, seed, ends);
            return new GenerationRequest(prompt, number[0]++, 0, sampling, echo && tops >= 0, Math.max(0, tops), bias);
        }).toList();
        List<String> texts = prompts.stream().map(Ask.Prompt::text).toList();
        return new Ask(requests, texts, n, stops, echo, tops, mostAsked == null ? Integer.MAX_VALUE : mostAsked, stream, usage);
    }

    private Map<Integer, Float> bias() {
        JsonNode object = fields.get("logit_bias");
        if (object == null) {
            return Map.of();
        }
        if (!object.isObject() || object.size() > MOST_BIASES) {
            throw fields.wrong("logit_bias", "an object of at most " + MOST_BIASES + " token ids");
        }
        Map<Integer, Float> bias = new LinkedHashMap<>();
        object.properties().forEach(entry -> {
            int id = entry.getKey().matches("\\d{1,9}") ? Integer.parseInt(entry.getKey()) : -1;
            JsonNode value = entry.getValue();
            if (id < 0 || id >= model.vocabulary()) {
                throw ApiException.invalid("logit_bias", "logit_bias has the key " + Json.write(entry.getKey()) + "; expected a token id from 0 to "
                        + (model.vocabulary() - 1));
            }
            if (!value.isNumber() || !(Math.abs(value.doubleValue()) <= 100)) {
                throw ApiException.invalid("logit_bias", "logit_bias of token " + id + " is " + Json.describe(value) + "; expected a number from -100 to 100");
            }
            if (bias.put(id, value.floatValue()) != null) {
                throw ApiException.invalid("logit_bias", "logit_bias has token " + id + " twice");
            }
        });
        return bias;
    }
}
