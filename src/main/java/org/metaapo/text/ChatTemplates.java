package org.metaapo.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.text.template.Template;

/**
 * The chat templates of a model folder by their names, found as transformers finds them: {@code chat_template.jinja} (named
 * "default") with {@code additional_chat_templates/NAME.jinja}, or else {@code chat_template.json}, or else
 * {@code chat_template} of {@code tokenizer_config.json}. The last two hold one template as text, or several as
 * {@code {name: template}} or as a list of {@code {"name": …, "template": …}}.
 */
final class ChatTemplates {
    private static final String DEFAULT = "default";
    private static final String TOOLS = "tool_use";

    private final Path folder;
    private final Map<String, Template> templates;
    private final String chosen;

    private ChatTemplates(Path folder, Map<String, Template> templates, String chosen) {
        this.folder = folder;
        this.templates = templates;
        this.chosen = chosen;
    }

    /**
     * Reads and parses the templates; a folder may have none.
     *
     * @param config {@code tokenizer_config.json}
     * @param chosen the name of the one to use; null for "tool_use" in conversations with tools, where there is one, and
     *     "default" otherwise
     * @throws DataException if a template does not parse, or the chosen one is not there
     */
    static ChatTemplates load(Path folder, JsonNode config, String chosen) {
        Map<String, Template> found = files(folder);
        Path json = folder.resolve("chat_template.json");
        if (found.isEmpty() && Files.isRegularFile(json)) {
            add(found, json.toString(), Json.read(json).path("chat_template"));
        }
        if (found.isEmpty()) {
            add(found, folder.resolve("tokenizer_config.json") + ", chat_template", config.path("chat_template"));
        }
        if (chosen != null && !found.containsKey(chosen)) {
            throw new DataException(folder + ": no chat template named '" + chosen + "' (data.chat_template); "
                    + (found.isEmpty() ? "the folder has none" : "there are: " + String.join(", ", found.keySet())));
        }
        return new ChatTemplates(folder, found, chosen);
    }

    private static Map<String, Template> files(Path folder) {
        Map<String, Template> found = new LinkedHashMap<>();
        Path file = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(file)) {
            found.put(DEFAULT, Template.parse(file.toString(), StrictText.read(file)));
        }
        Path more = folder.resolve("additional_chat_templates");
        if (Files.isDirectory(more)) {
            for (Path each : jinjaFiles(more)) {
                String name = each.getFileName().toString();
                found.put(name.substring(0, name.length() - ".jinja".length()), Template.parse(each.toString(), StrictText.read(each)));
            }
        }
        return found;
    }

    private static List<Path> jinjaFiles(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(".jinja")).sorted().toList();
        } catch (IOException failure) {
            throw FileFailures.reading(folder, failure);
        }
    }

    private static void add(Map<String, Template> found, String where, JsonNode node) {
        if (node.isTextual()) {
            found.put(DEFAULT, Template.parse(where, node.textValue()));
        } else if (node.isObject()) {
            node.properties().forEach(entry -> put(found, where, entry.getKey(), entry.getValue()));
        } else if (node.isArray()) {
            for (JsonNode named : node) {
                if (!named.path("name").isTextual()) {
                    throw new DataException(where + ": expected a list of {\"name\": …, \"template\": …}, found " + named.getNodeType());
                }
                put(found, where, named.path("name").textValue(), named.path("template"));
            }
        } else if (!node.isMissingNode() && !node.isNull()) {
            throw new DataException(where + ": expected a template as text, or named ones, found " + node.getNodeType());
        }
    }

    private static void put(Map<String, Template> found, String where, String name, JsonNode source) {
        String place = where + " '" + name + "'";
        if (!source.isTextual()) {
            throw new DataException(place + ": expected a template as text, found " + source.getNodeType());
        }
        found.put(name, Template.parse(place, source.textValue()));
    }

    /** Whether a name stands in any of them. */
    boolean mention(String name) {
        return templates.values().stream().anyMatch(template -> template.mentions(name));
    }

    boolean isEmpty() {
        return templates.isEmpty();
    }

    /**
     * The template for a conversation.
     *
     * @throws DataException if there is none to choose
     */
    Template choose(boolean withTools) {
        if (templates.isEmpty()) {
            throw new DataException(folder + ": no chat template, and the data are conversations; "
                    + "add chat_template.jinja, or use plain prompts");
        }
        if (chosen != null) {
            return templates.get(chosen);
        }
        Template template = withTools && templates.containsKey(TOOLS) ? templates.get(TOOLS) : templates.get(DEFAULT);
        if (template == null) {
            throw new DataException(folder + ": several chat templates and none named 'default'; choose one of "
                    + String.join(", ", new ArrayList<>(templates.keySet())) + " with data.chat_template");
        }
        return template;
    }
}
