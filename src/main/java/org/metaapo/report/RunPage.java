package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.metaapo.files.Json;

/** The data of a run's page, live or not: what its panels are drawn from. */
public final class RunPage {
    private static final int LARGEST = 1 << 22;

    private RunPage() {}

    /**
     * Everything but rows.
     *
     * @param view of the lines read
     * @param samples as far as read
     */
    public static ObjectNode json(RunFiles files, RunView view, Samples samples) {
        ObjectNode node = Json.mapper().createObjectNode();
        node.put("name", String.valueOf(files.folder().toAbsolutePath().normalize().getFileName())).put("folder", files.folder().toString());
        byte[] config = files.read("config.yaml", LARGEST);
        String yaml = config == null ? "" : new String(config, StandardCharsets.UTF_8);
        node.put("config_text", yaml).set("config", ConfigView.keys(yaml));
        JsonNode bound = bound(files);
        if (bound != null) {
            node.set("bound", bound);
        }
        node.put("checkpoint", checkpoint(files));
        view.reach(samples.lowestScore());
        node.set("view", view.json());
        ArrayNode slices = node.putArray("slices");
        samples.keys().forEach(key -> {
            ObjectNode summary = samples.summary(key);
            if (summary != null) {
                slices.add(summary);
            }
        });
        return node;
    }

    private static JsonNode bound(RunFiles files) {
        byte[] text = files.read("bound.json", LARGEST);
        try {
            JsonNode bound = text == null ? null : Json.mapper().readTree(text);
            return bound != null && bound.path("points").isArray() ? bound : null;
        } catch (IOException e) {
            return null;
        }
    }

    /** Step of the newest checkpoint; -1 where there is none. */
    public static long checkpoint(RunFiles files) {
        return files.names("checkpoints").stream()
                .filter(name -> name.matches("step-[0-9]{1,12}"))
                .mapToLong(name -> Long.parseLong(name.substring("step-".length())))
                .max()
                .orElse(-1);
    }
}
