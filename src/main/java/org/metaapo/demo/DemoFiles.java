package org.metaapo.demo;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;
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

    private static List<String> tokens(WorldTerms terms) {
        List<String> tokens = new ArrayList<>(SPECIALS);
        tokens.addAll(World.vocabulary(terms));
        return tokens;
    }

    /** A word-level tokenizer in Hugging Face's format, with a chat template. */
    static void writeTokenizer(Path folder, WorldTerms terms) {
        List<String> tokens = tokens(terms);
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
    static ModelConfig modelConfig(WorldTerms terms) {
        return new ModelConfig(
                "llama", "LlamaForCausalLM", tokens(terms).size(), 160, 432, 4, 4, 2, 40, 1e-5, 0.02, RopeConfig.unscaled(10000), 128,
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

    /** Pairs for the reward model, as annotators judge them who err now and then. */
    static void writeJudgements(Path file, World world, List<Request> requests, WorldTerms terms) {
        writePairs(file, requests, world::judgedAnswers, Gold::reward, () -> world.chance(terms.annotatorNoise()));
    }

    /** Pairs of the same kind as gold has them, to measure the reward model by; no model is trained on them. */
    static void writeGoldJudgements(Path file, World world, List<Request> requests) {
        writePairs(file, requests, world::judgedAnswers, Gold::reward, () -> false);
    }

    /** The offline sources' pairs, as these hold it: stale in some kinds, some labels turned around. */
    static void writeOfflinePairs(Path file, World world, List<Request> requests, WorldTerms terms) {
        ToDoubleBiFunction<Request, String> worth =
                (request, answer) -> Gold.reward(new Request(request.kind(), request.text(), world.oldAnswer(request)), answer);
        writePairs(file, requests, request -> {
            List<String> both;
            do { // every request has its pair, so that runs are equally long in every world
                both = List.of(world.sourcesAnswer(request, terms.strongRight()), world.sourcesAnswer(request, terms.weakRight()));
            } while (worth.applyAsDouble(request, both.get(0)) == worth.applyAsDouble(request, both.get(1)));
            return both;
        }, worth, () -> world.chance(terms.offlineNoise()));
    }

    /** A pair of each request's two answers, the better one first but where the label is turned around; none of equal ones. */
    private static void writePairs(
            Path file, List<Request> requests, Function<Request, List<String>> answers, ToDoubleBiFunction<Request, String> worth,
            BooleanSupplier isTurned) {
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            List<String> both = answers.apply(request);
            double difference = worth.applyAsDouble(request, both.get(0)) - worth.applyAsDouble(request, both.get(1));
            if (difference == 0) {
                continue;
            }
            int chosen = difference > 0 != isTurned.getAsBoolean() ? 0 : 1;
            text.append(pair(request, both.get(chosen), both.get(1 - chosen)));
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
