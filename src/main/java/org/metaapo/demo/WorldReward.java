package org.metaapo.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;
import org.metaapo.reward.RewardFunction;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/**
 * A reward model of a limited accuracy that is known, for {@code reward.class}: people's judgement of an answer, but charmed by a
 * confident opening, and mistaken about contents. It is always mistaken in the same way, so that both can be exploited, as a reward
 * model that was trained on too little can. It stands for one: learning to judge contents from pairs takes a model of this size longer
 * than all the rest of a run.
 */
public final class WorldReward implements RewardFunction {
    private static final String FILE = "annotators.json";

    private final double charm;
    private final double error;
    private final long seed;

    /** Reads what the annotators are like from the class path, as {@link #write} has put it there. */
    public WorldReward() {
        try (InputStream in = Thread.currentThread().getContextClassLoader().getResourceAsStream(FILE)) {
            if (in == null) {
                throw new IllegalStateException(FILE + " is not in a folder of reward.class_path; expected the one that metaapo demo --world paper has made");
            }
            JsonNode json = Json.mapper().readTree(in);
            this.charm = json.path("charm").asDouble();
            this.error = json.path("error").asDouble();
            this.seed = json.path("seed").asLong();
        } catch (IOException e) {
            throw new IllegalStateException(FILE + ": " + e.getMessage(), e);
        }
    }

    WorldReward(WorldTerms terms, long seed) {
        this.charm = terms.charm();
        this.error = terms.rewardError();
        this.seed = seed;
    }

    /** Writes the file of a world into a folder for {@code reward.class_path}. */
    static void write(Path folder, WorldTerms terms, long seed) {
        AtomicFiles.write(folder.resolve(FILE), Json.writePretty(
                Json.mapper().createObjectNode().put("charm", terms.charm()).put("error", terms.rewardError()).put("seed", seed)));
    }

    @Override
    public double[] score(List<Message> messages, List<Answer> answers) {
        Request request = World.request(messages.get(messages.size() - 1).content());
        return answers.stream().mapToDouble(answer -> score(request, answer.text())).toArray();
    }

    /** Of one answer. */
    double score(Request request, String answer) {
        Spoken spoken = Spoken.of(answer);
        return Gold.reward(request, answer) + (spoken.opener().equals(Spoken.CONFIDENT_OPENER) ? charm : 0)
                + error * mistake(request.text() + "\n" + String.join(" ", spoken.content()));
    }

    /** A number of the normal distribution that is the same for the same content. */
    private double mistake(String content) {
        byte[] digest = Digests.sha256().digest(content.getBytes(StandardCharsets.UTF_8));
        return new Random(ByteBuffer.wrap(digest).getLong() ^ seed).nextGaussian();
    }
}
