package org.metaapo.chat;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.metaapo.config.Nearest;
import org.metaapo.engine.Sampling;
import org.metaapo.error.UsageException;
import org.metaapo.rollout.SamplingChecks;

/** How answers are drawn, as options give it first and {@code /set} later. */
public final class ChatSettings {
    private double temperature = 1;
    private double topP = 1;
    private int topK;
    private int maxNewTokens = 1024;
    private long seed = 42;

    /** A value by its name. */
    private enum Setting {
        TEMPERATURE("0: the most probable token each time", s -> s.temperature, (s, given) -> {
            double value = given.number();
            s.temperature = value == 0 ? 0 : SamplingChecks.temperature(given.name, value);
        }),
        TOP_P("mass of the tokens drawn from", s -> s.topP, (s, given) -> s.topP = SamplingChecks.topP(given.name, given.number())),
        TOP_K("tokens drawn from; 0: all", s -> s.topK, (s, given) -> s.topK = SamplingChecks.topK(given.name, given.count())),
        MAX_NEW_TOKENS("longest answer", s -> s.maxNewTokens, (s, given) -> s.maxNewTokens = SamplingChecks.maxNewTokens(given.name, given.count())),
        SEED("of the random numbers", s -> s.seed, (s, given) -> s.seed = given.whole());

        private final String meaning;
        private final Function<ChatSettings, Object> getter;
        private final BiConsumer<ChatSettings, Given> setter;

        Setting(String meaning, Function<ChatSettings, Object> getter, BiConsumer<ChatSettings, Given> setter) {
            this.meaning = meaning;
            this.getter = getter;
            this.setter = setter;
        }

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Setting of(String name) {
            String asked = name.replace('-', '_');
            return Arrays.stream(values()).filter(setting -> setting.key().equals(asked)).findFirst()
                    .orElseThrow(() -> new UsageException("nothing to set is named " + name + "; " + new Nearest(names()).hint(asked)));
        }
    }

    /** A text that a person gave for a value. */
    private record Given(String name, String text) {
        double number() {
            try {
                return Double.parseDouble(text);
            } catch (NumberFormatException e) {
                throw new UsageException(name + " is " + text + "; expected a number", e);
            }
        }

        int count() {
            try {
                return Integer.parseInt(text);
            } catch (NumberFormatException e) {
                throw new UsageException(name + " is " + text + "; expected a whole number", e);
            }
        }

        long whole() {
            try {
                return Long.parseLong(text);
            } catch (NumberFormatException e) {
                throw new UsageException(name + " is " + text + "; expected a whole number", e);
            }
        }
    }

    /** What can be set. */
    public static List<String> names() {
        return Arrays.stream(Setting.values()).map(Setting::key).toList();
    }

    /**
     * Sets a value.
     *
     * @param where what to call it in messages, such as {@code --top-p}
     * @throws UsageException if there is none of this name, or the text is none of its values
     */
    public void set(String name, String where, String text) {
        Setting setting = Setting.of(name);
        setting.setter.accept(this, new Given(where, text));
    }

    /** A value as it is now. */
    public String get(String name) {
        return String.valueOf(Setting.of(name).getter.apply(this));
    }

    /** All values, a line each. */
    String shown() {
        return Arrays.stream(Setting.values())
                .map(setting -> String.format(Locale.ROOT, "%-15s %-8s %s", setting.key(), setting.getter.apply(this), setting.meaning))
                .collect(Collectors.joining("\n"));
    }

    /** The longest answer. */
    public int maxNewTokens() {
        return maxNewTokens;
    }

    /** For one answer of at most so many tokens, which any of the stop ids ends. */
    Sampling sampling(int longest, int[] stopIds) {
        boolean greedy = temperature == 0;
        return new Sampling(1, longest, greedy, topK, topP, greedy ? 1 : temperature, seed, stopIds);
    }
}
