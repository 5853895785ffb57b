package org.metaapo.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What to tell somebody who gave a key that there is not. */
public final class KeyAdvice {
    /** Words that keys of several groups could have, so that one in another group says nothing. */
    private static final Set<String> GENERIC = Set.of(
            "path", "name", "class", "class_path", "update", "init", "hidden", "every", "keep", "state", "weight", "weights", "constant",
            "features", "command", "url", "timeout", "retries", "parallel", "runs", "slice", "decision", "threshold", "loss", "cache", "train",
            "eval", "offload");

    private static final Nearest SPELLING = new Nearest(withGroups(), ForeignNames.all());

    private KeyAdvice() {}

    private static Collection<String> withGroups() {
        Set<String> names = new LinkedHashSet<>(ConfigKeys.groups());
        ConfigKeys.all().forEach(key -> names.add(key.name()));
        return names;
    }

    /**
     * Half a sentence for the unknown key {@code name}, as dotted, which other tools may have: {@code did you mean optimizer.learning_rate?},
     * what to do instead, or the keys there are.
     */
    public static String of(String name) {
        int dot = name.lastIndexOf('.');
        String group = dot < 0 ? "" : name.substring(0, dot);
        String word = name.substring(dot + 1).replaceAll("(?<=[a-z])(?=[A-Z])", "_").replace('-', '_').toLowerCase(Locale.ROOT);
        boolean inGroup = ConfigKeys.groups().contains(group);
        if (!group.isEmpty() && !inGroup && !SPELLING.to(name).isEmpty()) {
            return didYouMean(SPELLING.to(name));
        }
        // model: {name_or_path: …} is model_name_or_path.
        String grouped = group.substring(group.lastIndexOf('.') + 1) + "_" + word;
        String same = ForeignNames.same(ForeignNames.same(grouped) != null ? grouped : word);
        if (same != null) {
            return didYouMean(List.of(inGroup(group, same)));
        }
        String otherwise = ForeignNames.otherwise(word);
        if (otherwise != null) {
            return otherwise;
        }
        List<String> meant = inGroup ? near(group, name) : new ArrayList<>(SPELLING.to(name));
        if (meant.isEmpty() && !(inGroup && GENERIC.contains(word))) {
            meant = ofWord(word);
        }
        return meant.isEmpty() ? listing(group, inGroup) : didYouMean(meant);
    }

    /** For a text where a group of keys was expected: the key that takes it, or null. */
    static String ofGroup(String group) {
        String key = ForeignNames.same(group);
        String otherwise = ForeignNames.otherwise(group);
        return key != null ? didYouMean(List.of(key)) : otherwise;
    }

    /** The key of the same last word in the group that was given, where there is one. */
    private static String inGroup(String group, String key) {
        String moved = group + "." + key.substring(key.lastIndexOf('.') + 1);
        return ConfigKeys.find(moved) != null ? moved : key;
    }

    private static List<String> near(String group, String name) {
        return SPELLING.to(name).stream().filter(key -> key.startsWith(group + ".")).toList();
    }

    private static List<String> ofWord(String word) {
        return ConfigKeys.all().stream().map(ConfigKey::name).filter(key -> key.endsWith("." + word)).toList();
    }

    private static String didYouMean(List<String> keys) {
        return "did you mean " + String.join(" or ", keys) + "?";
    }

    private static String listing(String group, boolean inGroup) {
        if (!inGroup) {
            return "metaapo keys lists all; the groups are " + String.join(", ", ConfigKeys.groups());
        }
        List<String> keys = ConfigKeys.of(group).stream().map(key -> key.name().substring(group.length() + 1)).toList();
        return group + " has " + String.join(", ", keys);
    }
}
