package org.metaapo.tracking;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import org.metaapo.files.Json;

/**
 * What trackers show of a slice's file of samples.
 *
 * @param weights w of each row, as far as the recipe has them
 * @param markdown the first few sampled prompts with all their answers; empty where nothing was sampled
 */
record SliceSamples(double[] weights, String markdown) {
    /** Rows whose answers are shown. */
    private static final int SHOWN_ROWS = 4;
    private static final int SHOWN_CHARS = 2000;

    static SliceSamples read(Path file) throws IOException {
        DoubleStream.Builder weights = DoubleStream.builder();
        List<String> shown = new ArrayList<>();
        try (BufferedReader lines = Files.newBufferedReader(file)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                double weight = weight(line);
                if (Double.isFinite(weight)) {
                    weights.add(weight);
                }
                if (shown.size() < SHOWN_ROWS && line.contains("\"sampled\":true")) {
                    JsonNode row = Json.parse(line, file.toString());
                    if (row.path("sampled").asBoolean()) {
                        shown.add(markdown(row));
                    }
                }
            }
        }
        return new SliceSamples(weights.build().toArray(), String.join("\n\n---\n\n", shown));
    }

    /** It stands before the answers, which are the long part of a line. */
    private static double weight(String line) throws IOException {
        try (JsonParser parser = Json.mapper().createParser(line)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                JsonToken value = parser.nextToken();
                if (name.equals("weight") && value.isNumeric()) {
                    return parser.getDoubleValue();
                }
                if (name.equals("answers")) {
                    return Double.NaN;
                }
                parser.skipChildren();
            }
            return Double.NaN;
        }
    }

    private static String markdown(JsonNode row) {
        StringBuilder text = new StringBuilder("**row ").append(row.path("row").asText()).append("**");
        append(text, " · w ", row.path("weight"));
        append(text, " · u ", row.path("uniform"));
        block(text, "prompt", row.path("prompt"));
        int best = row.path("online_chosen").asInt(-1);
        int worst = row.path("online_rejected").asInt(-1);
        JsonNode answers = row.path("answers");
        for (int i = 0; i < answers.size(); i++) {
            JsonNode answer = answers.get(i);
            String role = i == best ? " (chosen)" : i == worst ? " (rejected)" : "";
            block(text, "answer " + (i + 1) + role + reward(answer.path("reward")), answer.path("text"));
        }
        if (row.has("chosen")) {
            block(text, "chosen in the data" + reward(row.path("reward_chosen")), row.path("chosen"));
            block(text, "rejected in the data" + reward(row.path("reward_rejected")), row.path("rejected"));
        }
        return text.toString();
    }

    private static void append(StringBuilder text, String name, JsonNode number) {
        if (number.isNumber()) {
            text.append(name).append(String.format(Locale.ROOT, "%.3f", number.asDouble()));
        }
    }

    private static String reward(JsonNode reward) {
        return reward.isNumber() ? String.format(Locale.ROOT, ", reward %.4f", reward.asDouble()) : "";
    }

    /** Text of a model as a code block, so that it is never read as Markdown or HTML. */
    private static void block(StringBuilder text, String title, JsonNode content) {
        String whole = content.isTextual() ? content.asText() : Json.write(content);
        String cut = whole.length() <= SHOWN_CHARS ? whole : whole.substring(0, SHOWN_CHARS) + "…";
        text.append("\n\n").append(title).append("\n\n    ").append(cut.replace("\r", "").replace("\n", "\n    "));
    }
}
