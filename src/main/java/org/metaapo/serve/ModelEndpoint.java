package org.metaapo.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.text.Tokenizer;

/** What is told of the models themselves: their cards and tokenizers; where none is named, the first one's. */
final class ModelEndpoint {
    static final String MODELS = "/v1/models";

    private final ServedModels models;

    ModelEndpoint(ServedModels models) {
        this.models = models;
    }

    void list(Call call) throws IOException {
        ObjectNode root = Json.mapper().createObjectNode().put("object", "list");
        ArrayNode data = root.putArray("data");
        models.all().forEach(model -> data.add(card(model)));
        call.send(200, root);
    }

    /** Of the model that the path names. */
    void one(Call call) throws IOException {
        String asked;
        try {
            asked = URLDecoder.decode(call.path().substring(MODELS.length() + 1).replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            asked = "";
        }
        call.send(200, card(models.named(asked)));
    }

    private static ObjectNode card(ServedModel model) {
        return Json.mapper().createObjectNode().put("id", model.id()).put("object", "model").put("created", model.created())
                .put("owned_by", "metaapo").put("max_model_len", model.maxModelLength());
    }

    void tokenize(Call call) throws IOException {
        Fields fields = call.fields();
        ServedModel model = models.namedOrFirst(fields);
        int[] ids;
        if (fields.has("messages")) {
            ids = ChatFields.prompt(model, fields);
        } else {
            String prompt = fields.text("prompt", null);
            if (prompt == null) {
                throw fields.wrong("prompt", "a text, or messages");
            }
            try {
                ids = fields.flag("add_special_tokens", true) ? model.format().encodePlainPrompt(prompt) : model.tokenizer().encode(prompt);
            } catch (DataException e) {
                throw ServedModel.refused("prompt", e);
            }
        }
        ObjectNode root = Json.mapper().createObjectNode().put("count", ids.length).put("max_model_len", model.maxModelLength());
        ArrayNode tokens = root.putArray("tokens");
        for (int id : ids) {
            tokens.add(id);
        }
        call.send(200, root);
    }

    void detokenize(Call call) throws IOException {
        Fields fields = call.fields();
        JsonNode tokens = fields.get("tokens");
        if (tokens == null) {
            throw fields.wrong("tokens", "a list of token ids");
        }
        ServedModel model = models.namedOrFirst(fields);
        call.send(200, Json.mapper().createObjectNode().put("prompt", model.tokenizer().decode(model.ids("tokens", tokens), false)));
    }

    void tokenizerInfo(Call call) throws IOException {
        ServedModel model = models.all().get(0);
        Tokenizer tokenizer = model.tokenizer();
        ObjectNode root = Json.mapper().createObjectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
        for (String key : List.of("bos_token", "eos_token", "pad_token", "unk_token")) {
            root.put(key, tokenizer.specialToken(key));
        }
        root.put("chat_template", model.format().templateText());
        root.put("model_max_length", model.maxModelLength()).put("vocab_size", model.vocabulary());
        call.send(200, root);
    }
}
