package org.metaapo.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.metaapo.engine.Head;
import org.metaapo.engine.Quantization;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Json;
import org.metaapo.model.ModelConfig;
import org.metaapo.model.RopeConfig;

/** The files of the demo's world: tokenizer, template, data. */
final class DemoFiles {
    /** No row holds it. */
    private static final String PADDING = "<|unk|>";
    private static final List<String> SPECIALS = List.of("<|unk|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>");
    private static final String TEMPLATE = "{% for message in messages %}<|{{ message.role }}|> {{ message.content }} <|end|> "
            + "{% endfor %}{% if add_generation_prompt %}<|assistant|> {% endif %}";

    private DemoFiles() {}

    private static List<String> tokens() {
        List<String> tokens = new ArrayList<>(SPECIALS);
        tokens.addAll(World.vocabulary());
        return tokens;
    }

    /** A word-level tokenizer in Hugging Face's format, with a chat template. */
    static void writeTokenizer(Path folder) {
        List<String> tokens = tokens();
        ObjectNode json = Json.mapper().createObjectNode().put("version", "1.0");
        json.putNull("truncation").putNull("padding");
        ArrayNode added = json.putArray("added_tokens");
        for (int id = 0; id < SPECIALS.size(); id++) {
            added.addObject().put("id", id).put("content", SPECIALS.get(id)).put("single_word", false).put("lstrip", false)
                    .put("rstrip", false).put("normalized", false).put("special", true);
        }
        json.putNull("normalizer");
        json.putObject("pre_tokenizer").put("type", "WhitespaceSplit");
        json.putNull("post_processor").putNull("decoder");
        ObjectNode model = json.putObject("model").put("type", "WordLevel").put("unk_token", "<|unk|>");
        ObjectNode vocab = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocab.put(tokens.get(id), id);
        }
        AtomicFiles.write(folder.resolve("tokenizer.json"), Json.writePretty(json));
        ObjectNode config = Json.mapper().createObjectNode().put("tokenizer_class", "PreTrainedTokenizerFast")
                .put("eos_token", "<|end|>").put("unk_token", "<|unk|>").put("pad_token", PADDING)
                .put("clean_up_tokenization_spaces", false).put("model_max_length", 128).put("chat_template", TEMPLATE);
        AtomicFiles.write(folder.resolve("tokenizer_config.json"), Json.writePretty(config));
    }

    /** A Llama of 1.2 M parameters. */
    static ModelConfig modelConfig() {
        return new ModelConfig(
                "llama", "LlamaForCausalLM", tokens().size(), 160, 432, 4, 4, 2, 40, 1e-5, 0.02, RopeConfig.unscaled(10000), 128,
                false, false, false, false, false, List.of(0, 0, 0, 0), Head.LM, OptionalInt.of(SPECIALS.indexOf(PADDING)), -1,
                List.of(SPECIALS.indexOf("<|end|>")), Quantization.NONE);
    }

    /** Demonstrations for SFT. */
    static void writeDemonstrations(Path file, World world, List<Request> requests) {
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            ObjectNode row = Json.mapper().createObjectNode();
            row.putArray("messages").add(turn("user", request.text())).add(turn("assistant", world.peoplesAnswer(request)));
            text.append(Json.write(row)).append('\n');
        }
        AtomicFiles.write(file, text.toString());
    }

    /** Pairs for the reward model: two people's answers or old ones, judged by an annotator who errs now and then. */
    static void writeJudgements(Path file, World world, List<Request> requests, double noise) {
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            String first = world.peoplesAnswer(request);
            String second = world.chance(0.2)
                    ? World.old(world.chance(0.5) ? request.answer() : world.wrong(request))
                    : world.peoplesAnswer(request);
            double difference = Gold.reward(request, first) - Gold.reward(request, second);
            if (difference == 0) {
                continue;
            }
            boolean firstBetter = difference > 0 != world.chance(noise);
            text.append(pair(request, firstBetter ? first : second, firstBetter ? second : first));
        }
        AtomicFiles.write(file, text.toString());
    }

    /** The old source's pairs: its manners, stale in some kinds, some labels flipped. */
    static void writeOfflinePairs(Path file, World world, List<Request> requests, double noise) {
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            List<String> preferred = world.oldAnswer(request);
            List<String> other = request.kind().stale() ? request.answer() : world.wrong(request);
            boolean flipped = world.chance(noise);
            text.append(pair(request, World.old(flipped ? other : preferred), World.old(flipped ? preferred : other)));
        }
        AtomicFiles.write(file, text.toString());
    }

    /** Prompts alone. */
    static void writePrompts(Path file, List<Request> requests) {
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            ObjectNode row = Json.mapper().createObjectNode();
            row.putArray("prompt").add(turn("user", request.text()));
            text.append(Json.write(row)).append('\n');
        }
        AtomicFiles.write(file, text.toString());
    }

    private static String pair(Request request, String chosen, String rejected) {
        ObjectNode row = Json.mapper().createObjectNode();
        row.putArray("prompt").add(turn("user", request.text()));
        row.putArray("chosen").add(turn("assistant", chosen));
        row.putArray("rejected").add(turn("assistant", rejected));
        return Json.write(row) + "\n";
    }

    private static ObjectNode turn(String role, String content) {
        return Json.mapper().createObjectNode().put("role", role).put("content", content);
    }
}
