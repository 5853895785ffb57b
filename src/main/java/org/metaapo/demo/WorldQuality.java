package org.metaapo.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.files.Json;

/**
 * How good a world's sources are, by gold: what says where on a map of worlds it lies.
 *
 * @param pairs share of the offline pairs whose chosen answer is the better one
 * @param rewards share of pairs of people's answers to held-out prompts that the rewards order as gold does
 */
public record WorldQuality(double pairs, double rewards) {
    /** Of the files that a world has written; {@code rewardMetrics} is of the reward model's run, null where a rule stands for it. */
    static WorldQuality of(Path pairs, Path goldPairs, Path rewardMetrics, WorldReward rule) {
        double ordered = rewardMetrics == null
                ? share(goldPairs, (request, chosen, rejected) -> rule.score(request, chosen) > rule.score(request, rejected))
                : lines(rewardMetrics).stream().filter(line -> line.path("kind").asText().equals("eval"))
                        .reduce((one, later) -> later).orElseThrow().path("accuracy").asDouble();
        return new WorldQuality(
                share(pairs, (request, chosen, rejected) -> Gold.reward(request, chosen) > Gold.reward(request, rejected)), ordered);
    }

    /** What is asked of a pair. */
    private interface Question {
        boolean holds(Request request, String chosen, String rejected);
    }

    private static double share(Path file, Question question) {
        return lines(file).stream().mapToInt(row -> question.holds(
                World.request(text(row, "prompt")), text(row, "chosen"), text(row, "rejected")) ? 1 : 0).average().orElseThrow();
    }

    private static String text(JsonNode row, String field) {
        return row.path(field).path(0).path("content").asText();
    }

    private static List<JsonNode> lines(Path file) {
        List<JsonNode> lines = new ArrayList<>();
        Json.lines(file, lines::add);
        return lines;
    }
}
