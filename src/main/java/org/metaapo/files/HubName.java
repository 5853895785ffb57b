package org.metaapo.files;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names on the Hugging Face Hub, given where a path is expected. */
public final class HubName {
    private static final Pattern ADDRESS =
            Pattern.compile("(?:https?:/+(?:www\\.)?huggingface\\.co/|hf:/+)(?:datasets/)?([\\w.-]+/[\\w.-]+).*");
    private static final Pattern NAME = Pattern.compile("[\\w-][\\w.-]*/[\\w-][\\w.-]*");
    private static final Pattern FILE = Pattern.compile(".*\\.(jsonl|ndjson|json|parquet|csv|gz|zst|ya?ml|safetensors|bin|gguf)");

    private HubName() {}

    /**
     * What to do about a path that leads nowhere: text to append to a message, empty where it does not look like a name or an
     * address on the Hub.
     *
     * @param type "model" or "dataset"
     */
    public static String advice(Path path, String type) {
        String text = path.toString();
        Matcher address = ADDRESS.matcher(text);
        boolean isName = NAME.matcher(text).matches() && !FILE.matcher(text).matches() && !Files.exists(path.getParent());
        String name = address.matches() ? address.group(1) : isName ? text : null;
        if (name == null) {
            return "";
        }
        String options = type.equals("dataset") ? " --repo-type dataset" : "";
        String folder = name.substring(name.indexOf('/') + 1);
        return "; if it is a name on the Hugging Face Hub: files are read from local folders alone, so fetch it first, as with hf download "
                + name + options + " --local-dir " + folder + ", and give " + folder;
    }
}
