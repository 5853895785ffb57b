package org.metaapo.evaluate.judge;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.engine.Dtype;
import org.metaapo.engine.Engine;
import org.metaapo.engine.GeneratedAnswer;
import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;
import org.metaapo.engine.Sampling;
import org.metaapo.engine.Scorer;
import org.metaapo.engine.TokenBatch;
import org.metaapo.error.DataException;
import org.metaapo.error.InterruptedRunException;
import org.metaapo.evaluate.JudgeSetup;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.jobs.Policy;
import org.metaapo.ranks.Ranks;
import org.metaapo.reward.CallLog;
import org.metaapo.rollout.AnswerWriter;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;

/**
 * A language model that the engine runs, as a judge, or to answer a benchmark's questions. Replies are written by continuous batching; where log-probs
 * of labels are wanted, they are those of the model's own logits at the reply's first token. The seed of a repeat is the seed + its number − 1.
 */
public final class LocalModel implements AnswerJudge {
    private static final int ROUNDS = 2;
    private static final long LEAST_ROOM = 2048;

    private final Policy policy;
    private final AdaptedFolder.Loaded weights;
    private final Setup given;
    private final JudgeSetup setup;
    private Scorer scorer;
    private long room;
    private volatile boolean isStopped;
    private volatile long underWay;

    /**
     * How the model runs.
     *
     * @param name in the benchmark's files
     * @param model its folder
     * @param adapter of an adapter over it, or null
     * @param quantization packs its weights, or null
     * @param chat the template
     * @param variables of the template
     * @param seed of sampling
     * @param sequences replies at once
     * @param longest reply; what is asked for where that is shorter
     * @param temperature of replies in place of the one that is asked for; null for that one
     * @param isGuarded whether special tokens in the turns' texts are parted, so that no text ends a turn
     */
    public record Setup(
            String name, Path model, Path adapter, Quantization quantization, ChatOptions chat, Map<String, Object> variables, long seed, int sequences, int longest,
            Double temperature, boolean isGuarded) {}

    private LocalModel(Policy policy, AdaptedFolder.Loaded weights, Setup given, JudgeSetup setup) {
        this.policy = policy;
        this.weights = weights;
        this.given = given;
        this.setup = setup;
    }

    /** Loads a model; a DataException if the folder is no language model's. */
    public static LocalModel open(Engine engine, Dtype dtype, Setup given) {
        Policy policy = Policy.open(given.model(), given.adapter(), given.quantization(), given.chat());
        try {
            policy.folder().requireHead(Head.LM);
            JudgeSetup setup = new JudgeSetup(given.name(), describe(policy, dtype, given));
            return new LocalModel(policy, policy.load(engine, dtype), given, setup);
        } catch (RuntimeException e) {
            policy.close();
            throw e;
        }
    }

    private static ObjectNode describe(Policy policy, Dtype dtype, Setup given) {
        ObjectNode json = Json.mapper().createObjectNode().put("engine", "local").put("model", given.name()).put("weights_sha256", digest(given.model()));
        if (given.adapter() != null) {
            json.put("adapter_sha256", digest(given.adapter()));
        }
        json.put("dtype", dtype.name().toLowerCase(Locale.ROOT));
        if (given.quantization() != null) {
            json.put("quantize", given.quantization().toString());
        }
        json.put("chat_template", policy.format().hasTemplate());
        json.put("text_sha256", Digests.sha256(String.join("\n", policy.format().identity()).getBytes(StandardCharsets.UTF_8)));
        if (!given.variables().isEmpty()) {
            json.set("chat_template_kwargs", Json.mapper().valueToTree(new TreeMap<>(given.variables())));
        }
        if (given.longest() < Integer.MAX_VALUE) {
            json.put("longest_reply", given.longest());
        }
        if (given.temperature() != null) {
            json.putObject("options").put("temperature", given.temperature());
        }
        return json.put("seed", given.seed());
    }

    /** Of a folder's weights and configuration. */
    public static String digest(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            String all = files.filter(file -> file.toString().endsWith(".safetensors") || file.getFileName().toString().endsWith("config.json"))
                    .sorted().map(file -> file.getFileName() + " " + Digests.sha256(file)).collect(Collectors.joining("\n"));
            return Digests.sha256(all.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw FileFailures.reading(folder, e);
        }
    }

    @Override
    public JudgeSetup setup() {
        return setup;
    }

    @Override
    public int group() {
        return ROUNDS * given.sequences();
    }

    @Override
    public int parallel() {
        return 1;
    }

    @Override
    public long underWay() {
        return underWay;
    }

    @Override
    public void stop() {
        isStopped = true;
    }

    @Override
    public void abort() {
        isStopped = true;
    }

    @Override
    public List<Outcome> ask(List<JudgeRequest> requests, CallLog log) {
        Outcome[] outcomes = new Outcome[requests.size()];
        List<int[]> prompts = new ArrayList<>();
        Map<List<Object>, List<Integer>> alike = new LinkedHashMap<>();
        for (int i = 0; i < outcomes.length; i++) {
            JudgeRequest request = requests.get(i);
            prompts.add(policy.format().hasTemplate() ? policy.format().encodePrompt(conversation(request)) : policy.format().encodePlainPrompt(plain(request)));
            int left = policy.config().maxPositions() - prompts.get(i).length;
            if (left < 1) {
                outcomes[i] = Outcome.failed(given.model() + ": a prompt of " + prompts.get(i).length + " tokens; the model has " + policy.config().maxPositions() + " positions");
            } else {
                alike.computeIfAbsent(List.of(request.topLogProbs() > 0, Math.min(Math.min(left, given.longest()), request.maxTokens()), temperature(request), request.repeat()), key -> new ArrayList<>()).add(i);
            }
        }
        long done = 0;
        for (List<Integer> group : alike.values()) {
            if (requests.get(group.get(0)).topLogProbs() > 0) {
                label(group, requests, prompts, outcomes);
            } else {
                write(group, requests, prompts, outcomes, done);
            }
            done += group.size();
            underWay = done;
        }
        underWay = 0;
        return Arrays.asList(outcomes);
    }

    private double temperature(JudgeRequest request) {
        return given.temperature() == null ? request.temperature() : given.temperature();
    }

    private Conversation conversation(JudgeRequest request) {
        List<Message> turns = given.isGuarded() ? request.messages().stream().map(turn -> new Message(turn.role(), guarded(turn.content()))).toList() : request.messages();
        return new Conversation(turns).with(given.variables());
    }

    /** Without a template: the texts alone. */
    private String plain(JudgeRequest request) {
        return request.messages().stream().map(turn -> given.isGuarded() ? guarded(turn.content()) : turn.content()).collect(Collectors.joining("\n\n")) + "\n\n";
    }

    /** With a blank of no width in each special token, so that it is text. */
    private String guarded(String text) {
        String safe = text;
        for (String special : policy.format().tokenizer().specialTokens()) {
            if (special.length() > 1) {
                safe = safe.replace(special, special.charAt(0) + "\u200b" + special.substring(1));
            }
        }
        return safe;
    }

    private void label(List<Integer> group, List<JudgeRequest> requests, List<int[]> prompts, Outcome[] outcomes) {
        for (int i : group) {
            if (isStopped) {
                throw new InterruptedRunException("stopped; the same command goes on");
            }
            List<String> labels = requests.get(i).labels();
            List<int[]> ids = labels.stream().map(label -> new int[] {id(label)}).toList();
            TokenBatch.Builder builder = TokenBatch.builder();
            builder.pack(prompts.get(i), ids);
            Map<String, Double> logProbs = new LinkedHashMap<>();
            try (TokenBatch batch = builder.build()) {
                double[] sums = scorer(prompts.get(i).length + labels.size()).logprobs(batch);
                for (int k = 0; k < sums.length; k++) {
                    logProbs.put(labels.get(k), sums[k]);
                }
            }
            String likelier = labels.stream().max((a, b) -> Double.compare(logProbs.get(a), logProbs.get(b))).orElseThrow();
            outcomes[i] = Outcome.of(new JudgeReply(likelier, logProbs, false, prompts.get(i).length, 1));
            underWay++;
        }
    }

    /** The token that is a label, as a reply begins with it. */
    private int id(String label) {
        int[] ids = policy.format().tokenizer().encode(label);
        if (ids.length != 1 || !policy.format().tokenizer().decode(ids, false).equals(label)) {
            throw new DataException(given.model() + ": \"" + label + "\" is " + ids.length + " tokens; a judge's label must be one");
        }
        return ids[0];
    }

    private Scorer scorer(long tokens) {
        if (scorer == null || tokens > room) {
            if (scorer != null) {
                scorer.close();
            }
            room = Math.max(tokens, LEAST_ROOM);
            scorer = weights.network().scorer(room);
        }
        return scorer;
    }

    private void write(List<Integer> group, List<JudgeRequest> requests, List<int[]> prompts, Outcome[] outcomes, long before) {
        JudgeRequest first = requests.get(group.get(0));
        int most = Math.min(given.longest(), group.stream().mapToInt(i ->
                Math.min(requests.get(i).maxTokens(), policy.config().maxPositions() - prompts.get(i).length)).min().orElseThrow());
        double temperature = temperature(first);
        boolean isGreedy = temperature == 0;
        ChatFormat format = policy.format();
        Sampling sampling = new Sampling(1, most, isGreedy, 0, 1, isGreedy ? 1 : temperature, given.seed() + first.repeat() - 1, format.stopIds());
        List<int[]> own = group.stream().map(prompts::get).toList();
        long[] keys = own.stream().mapToLong(Arrays::hashCode).toArray();
        List<List<GeneratedAnswer>> answers = new AnswerWriter(weights.network(), given.sequences(), Ranks.single()).write(own, keys, sampling, done -> {
            if (isStopped) {
                throw new InterruptedRunException("stopped; the same command goes on");
            }
            underWay = before + done;
        }, note -> { });
        for (int k = 0; k < own.size(); k++) {
            GeneratedAnswer answer = answers.get(k).get(0);
            String text = format.answerText(own.get(k), answer.tokens(), answer.stopped());
            outcomes[group.get(k)] = Outcome.of(new JudgeReply(text, Map.of(), !answer.stopped(), own.get(k).length, answer.tokens().length));
        }
    }

    @Override
    public void close() {
        if (scorer != null) {
            scorer.close();
        }
        weights.close();
        policy.close();
    }
}
