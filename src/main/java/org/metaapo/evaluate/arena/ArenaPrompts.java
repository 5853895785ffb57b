package org.metaapo.evaluate.arena;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.config.YamlText;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.judge.Marks;
import org.metaapo.evaluate.judge.Placeholders;
import org.metaapo.files.StrictText;
import org.metaapo.text.Message;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * What Arena-Hard's judge is told.
 *
 * @param template of the user's turn
 * @param systems of each category: the system's turn
 * @param baselines of each category, where the files say it
 * @param text of all files
 */
public record ArenaPrompts(String template, Map<String, String> systems, Map<String, String> baselines, String text) {
    /** Where the official template is. */
    public static final String CONFIG = "config/arena-hard-v2.0.yaml of the repository lmarena/arena-hard-auto (v0.1: config/judge_config.yaml)";
    /** Where the official prompts of the categories are. */
    public static final String SETTINGS = "utils/judge_utils.py of the repository lmarena/arena-hard-auto";
    private static final List<String> PLACES = List.of("QUESTION", "ANSWER_A", "ANSWER_B");
    private static final List<String> OLD_PLACES = List.of("question_1", "answer_1", "answer_2");
    private static final Pattern CATEGORY = Pattern.compile("[\"']([^\"'\\s]+)[\"']\\s*:\\s*\\{([^{}]*)\\}");
    private static final Pattern FIELD = Pattern.compile("(?s)[\"'](baseline|system_prompt)[\"']\\s*:\\s*(?:([A-Za-z_]\\w*)|(\"[^\"]*\"|'[^']*'))");

    /**
     * Reads the files.
     *
     * @param config with the template, and in v0.1 the system's prompt
     * @param settings with the categories' prompts; null where config has one
     */
    public static ArenaPrompts read(Path config, Path settings) {
        String yaml = YamlText.read(config);
        Map<String, String> fields = fields(yaml, config);
        String template = fields.get("prompt_template");
        if (template == null) {
            throw new DataException(config + ": no prompt_template; expected " + CONFIG);
        }
        Placeholders.require(template, isOld(template) ? OLD_PLACES : PLACES, config + ", prompt_template");
        Map<String, String> systems = new LinkedHashMap<>();
        Map<String, String> baselines = new LinkedHashMap<>();
        String python = settings == null ? "" : StrictText.read(settings);
        if (settings != null) {
            readSettings(python, systems, baselines);
            if (systems.isEmpty()) {
                throw new DataException(settings + ": no JUDGE_SETTINGS with a system_prompt for each category; expected " + SETTINGS);
            }
        } else if (fields.containsKey("system_prompt")) {
            systems.put(ArenaJudgment.OLD_CATEGORY, fields.get("system_prompt"));
        } else {
            throw new DataException("--judge-settings is not given, and " + config + " has no system_prompt; expected the path of " + SETTINGS);
        }
        return new ArenaPrompts(template, systems, baselines, yaml + "\n" + python);
    }

    private static boolean isOld(String template) {
        return template.contains("{question_1}");
    }

    /** The texts of a mapping, lists joined. */
    private static Map<String, String> fields(String yaml, Path file) {
        Map<String, String> fields = new LinkedHashMap<>();
        if (YamlText.compose(yaml, file.toString()) instanceof MappingNode root) {
            for (NodeTuple tuple : root.getValue()) {
                if (tuple.getKeyNode() instanceof ScalarNode key) {
                    String value = text(tuple.getValueNode());
                    if (value != null) {
                        fields.put(key.getValue(), value);
                    }
                }
            }
        }
        return fields;
    }

    private static String text(Node node) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getValue();
        }
        return node instanceof SequenceNode list && list.getValue().size() == 1 ? text(list.getValue().get(0)) : null;
    }

    private static void readSettings(String python, Map<String, String> systems, Map<String, String> baselines) {
        Map<String, String> texts = PythonTexts.of(python);
        int start = python.indexOf("JUDGE_SETTINGS");
        Matcher category = CATEGORY.matcher(start < 0 ? "" : python.substring(start));
        while (category.find()) {
            Matcher field = FIELD.matcher(category.group(2));
            while (field.find()) {
                String value = field.group(2) == null ? PythonTexts.value(field.group(3)) : texts.get(field.group(2));
                if (value != null) {
                    (field.group(1).equals("baseline") ? baselines : systems).put(category.group(1), value);
                }
            }
        }
    }

    /** Lines that part what the judge is shown. */
    Marks marks() {
        return Marks.of(List.of(template));
    }

    /** The turns of a game. */
    public List<Message> fill(String category, String question, String a, String b) {
        List<String> names = isOld(template) ? OLD_PLACES : PLACES;
        String user = Placeholders.fill(template, Map.of(names.get(0), question, names.get(1), a, names.get(2), b));
        return List.of(new Message("system", systems.get(category)), new Message("user", user));
    }
}
