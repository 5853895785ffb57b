package org.metaapo.serve;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.metaapo.engine.GeneratedToken;
import org.metaapo.files.Json;

/** How answers are written: those of {@code /v1/chat/completions} or of {@code /v1/completions}. */
abstract class AnswerFormat {
    /** In place of a log-prob that JSON has no number for. */
    private static final double LEAST = -9999;

    private final String id;
    private final long created = System.currentTimeMillis() / 1000;
    private final String model;

    private AnswerFormat(String prefix, String model) {
        byte[] random = new byte[12];
        ThreadLocalRandom.current().nextBytes(random);
        this.id = prefix + HexFormat.of().formatHex(random);
        this.model = model;
    }

    static AnswerFormat chat(String model) {
        return new Chat(model);
    }

    static AnswerFormat completion(String model) {
        return new Completion(model);
    }

    abstract String object(boolean chunk);

    /** The whole of a choice that is over. */
    abstract ObjectNode whole(Choice choice, Ask ask);

    /** What is new of a choice. */
    abstract ObjectNode part(Choice choice, Ask ask);

    /** Chunks in front of all others. */
    abstract List<ObjectNode> opening(AnswerRun run);

    ObjectNode envelope(boolean chunk) {
        return Json.mapper().createObjectNode().put("id", id).put("object", object(chunk)).put("created", created).put("model", model);
    }

    ObjectNode answer(AnswerRun run) {
        ObjectNode root = envelope(false);
        ArrayNode choices = root.putArray("choices");
        run.choices().forEach(choice -> choices.add(whole(choice, run.ask())));
        root.set("usage", usage(run));
        return root;
    }

    ObjectNode chunk(ObjectNode choice) {
        ObjectNode root = envelope(true);
        root.putArray("choices").add(choice);
        return root;
    }

    ObjectNode usageChunk(AnswerRun run) {
        ObjectNode root = envelope(true);
        root.putArray("choices");
        root.set("usage", usage(run));
        return root;
    }

    private static ObjectNode usage(AnswerRun run) {
        int prompt = run.promptTokens();
        int completion = run.completionTokens();
        return Json.mapper().createObjectNode().put("prompt_tokens", prompt).put("completion_tokens", completion).put("total_tokens", prompt + completion);
    }

    static double number(float logp) {
        return Float.isFinite(logp) ? logp : LEAST;
    }

    private static final class Chat extends AnswerFormat {
        Chat(String model) {
            super("chatcmpl-", model);
        }

        @Override
        String object(boolean chunk) {
            return chunk ? "chat.completion.chunk" : "chat.completion";
        }

        @Override
        List<ObjectNode> opening(AnswerRun run) {
            List<ObjectNode> chunks = new ArrayList<>();
            for (Choice choice : run.choices()) {
                ObjectNode node = Json.mapper().createObjectNode().put("index", choice.index());
                node.putObject("delta").put("role", "assistant").put("content", "");
                node.putNull("logprobs").putNull("finish_reason");
                chunks.add(chunk(node));
            }
            return chunks;
        }

        @Override
        ObjectNode whole(Choice choice, Ask ask) {
            ObjectNode node = Json.mapper().createObjectNode().put("index", choice.index());
            node.putObject("message").put("role", "assistant").put("content", choice.take());
            logprobs(node, choice, ask);
            return node.put("finish_reason", choice.finish());
        }

        @Override
        ObjectNode part(Choice choice, Ask ask) {
            ObjectNode node = Json.mapper().createObjectNode().put("index", choice.index());
            String text = choice.take();
            ObjectNode delta = node.putObject("delta");
            if (!text.isEmpty()) {
                delta.put("content", text);
            }
            logprobs(node, choice, ask);
            return node.put("finish_reason", choice.finish());
        }

        private static void logprobs(ObjectNode node, Choice choice, Ask ask) {
            List<Choice.Told> tokens = choice.takeTold();
            if (!ask.logprobs() || tokens.isEmpty()) {
                node.putNull("logprobs");
                return;
            }
            ArrayNode list = node.putObject("logprobs").putArray("content");
            for (Choice.Told token : tokens) {
                GeneratedToken made = token.made();
                ObjectNode entry = entry(list.addObject(), choice, token.id(), made.logp(), token.hidden());
                ArrayNode tops = entry.putArray("top_logprobs");
                for (int i = 0; i < made.topIds().length; i++) {
                    entry(tops.addObject(), choice, made.topIds()[i], made.topLogps()[i], token.hidden() && made.topIds()[i] == token.id());
                }
            }
        }

        private static ObjectNode entry(ObjectNode entry, Choice choice, int id, float logp, boolean hidden) {
            entry.put("token", choice.shown(id)).put("logprob", number(logp));
            ArrayNode bytes = entry.putArray("bytes");
            if (!hidden) {
                for (byte b : choice.bytes(id)) {
                    bytes.add(b & 0xFF);
                }
            }
            return entry;
        }
    }

    private static final class Completion extends AnswerFormat {
        Completion(String model) {
            super("cmpl-", model);
        }

        @Override
        String object(boolean chunk) {
            return "text_completion";
        }

        @Override
        List<ObjectNode> opening(AnswerRun run) {
            return List.of();
        }

        @Override
        ObjectNode whole(Choice choice, Ask ask) {
            return part(choice, ask);
        }

        @Override
        ObjectNode part(Choice choice, Ask ask) {
            ObjectNode node = Json.mapper().createObjectNode().put("index", choice.index()).put("text", choice.take());
            List<Choice.Told> told = choice.takeTold();
            if (!ask.logprobs() || told.isEmpty()) {
                node.putNull("logprobs");
            } else {
                ObjectNode logprobs = node.putObject("logprobs");
                ArrayNode tokens = logprobs.putArray("tokens");
                ArrayNode logps = logprobs.putArray("token_logprobs");
                ArrayNode tops = logprobs.putArray("top_logprobs");
                ArrayNode offsets = logprobs.putArray("text_offset");
                for (Choice.Told token : told) {
                    tokens.add(token.text());
                    offsets.add(token.offset());
                    if (token.made() == null) {
                        logps.addNull();
                        tops.addNull();
                        continue;
                    }
                    logps.add(number(token.made().logp()));
                    ObjectNode top = tops.addObject();
                    tops(choice, token).forEach(top::put);
                }
            }
            return node.put("finish_reason", choice.finish());
        }

        /** By text, the token's own among them; of equal texts the most probable counts. */
        private static Map<String, Double> tops(Choice choice, Choice.Told token) {
            GeneratedToken made = token.made();
            Map<String, Double> tops = new LinkedHashMap<>();
            for (int i = 0; i < made.topIds().length; i++) {
                tops.merge(choice.shown(made.topIds()[i]), number(made.topLogps()[i]), Math::max);
            }
            tops.merge(token.text(), number(made.logp()), Math::max);
            return tops;
        }
    }
}
