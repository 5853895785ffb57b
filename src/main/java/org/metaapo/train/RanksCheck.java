package org.metaapo.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.files.StandardInput;
import org.metaapo.ranks.Ranks;

/** Whether ranks can run a configuration together: they would wait for each other for ever, or train on other rows than they say. */
final class RanksCheck {
    /** Keys that are a rank's own. */
    private static final Set<String> OWN = Set.of("device", "threads");

    private RanksCheck() {}

    /** Throws where data comes from standard input, which reaches one rank alone. */
    static void checkInput(RunConfig config, Ranks ranks) {
        for (String key : List.of("data.train", "data.eval")) {
            if (ranks.size() > 1 && config.paths(key).stream().anyMatch(StandardInput::isMeant)) {
                throw new UsageException(key + ": is -, standard input, which one of several ranks alone can read; give a file");
            }
        }
    }

    /**
     * Throws if other ranks have another configuration, other data or models, or another version of this program than the leader.
     *
     * @throws UsageException naming what differs, with both values
     */
    static void checkAlike(RunConfig config, RunFingerprint fingerprint, Ranks ranks) {
        ObjectNode own = Json.mapper().createObjectNode().put("the version of metaapo", Engine.version());
        for (ConfigKey key : ConfigKeys.all()) {
            if (!OWN.contains(key.name())) {
                own.put(key.name(), config.shown(key.name()));
            }
        }
        fingerprint.contents().forEach(own::put);
        List<byte[]> all = ranks.gather(Json.write(own).getBytes(StandardCharsets.UTF_8));
        ranks.lead(() -> {
            for (int rank = 1; rank < all.size(); rank++) {
                List<String> differences = differences(own, Json.parse(new String(all.get(rank), StandardCharsets.UTF_8), "rank " + rank), rank);
                if (!differences.isEmpty()) {
                    throw new UsageException("the ranks were not started alike: " + String.join("; ", differences)
                            + ". Give all the same version, configuration and files");
                }
            }
        });
    }

    private static List<String> differences(JsonNode leaders, JsonNode others, int rank) {
        Set<String> names = new LinkedHashSet<>();
        leaders.fieldNames().forEachRemaining(names::add);
        others.fieldNames().forEachRemaining(names::add);
        List<String> differences = new ArrayList<>();
        for (String name : names) {
            String here = leaders.path(name).asText("not set");
            String there = others.path(name).asText("not set");
            if (!here.equals(there)) {
                differences.add(name + " is " + RunFingerprint.shown(here) + " on rank 0, " + RunFingerprint.shown(there) + " on rank " + rank);
            }
        }
        return differences;
    }
}
