package org.metaapo.config;

import java.util.List;
import java.util.Map;

/**
 * A key of the configuration.
 *
 * @param name dotted path, such as {@code optimizer.learning_rate}
 * @param type what its value is
 * @param fallback the default, which may be {@link Derived} from another key; null for none
 * @param low smallest number allowed
 * @param high largest number allowed
 * @param choices values allowed of a {@link Type#CHOICE}
 * @param doc one line for the documentation
 */
public record ConfigKey(
        String name, Type type, Object fallback, double low, double high, List<String> choices, String doc) {
    /** What a value can be. */
    public enum Type {
        /** A text. */
        TEXT("text"),
        /** A path, relative to the folder that the command runs in. */
        PATH("path"),
        /** A list of paths; one alone may be given without brackets. */
        PATHS("list of paths"),
        /** A list of texts; one alone may be given without brackets. */
        TEXTS("list of texts"),
        /** A list of words and of mappings, which are kept as the JSON of objects; one alone may be given without brackets. */
        ITEMS("list of words and mappings"),
        /** A mapping, kept as the JSON of an object. */
        OBJECT("a mapping or the JSON of an object"),
        /** A whole number. */
        INTEGER("integer"),
        /** A number. */
        REAL("number"),
        /** A list of numbers. */
        REALS("list of numbers"),
        /** true or false. */
        BOOLEAN("true or false"),
        /** One of some words. */
        CHOICE("one of");

        private final String shown;

        Type(String shown) {
            this.shown = shown;
        }

        /** For messages and documentation. */
        public String shown() {
            return shown;
        }
    }

    /** A default that follows another key's value, whether that is given or a default itself. */
    public sealed interface Derived {
        /** The default, where the keys have these values. */
        Object of(Map<String, Object> values);
    }

    /**
     * The other key's value.
     *
     * @param key the other key's name
     */
    public record SameAs(String key) implements Derived {
        @Override
        public Object of(Map<String, Object> values) {
            return values.get(key);
        }

        @Override
        public String toString() {
            return key;
        }
    }

    /**
     * A number, as far as half of another key's value allows.
     *
     * @param most the number
     * @param key the other key's name
     */
    public record UpToHalf(long most, String key) implements Derived {
        @Override
        public Object of(Map<String, Object> values) {
            return Math.min(most, (Long) values.get(key) / 2);
        }

        @Override
        public String toString() {
            return most + ", at most half of " + key;
        }
    }

    /**
     * A value where another key has one of some values, else 0.
     *
     * @param value there
     * @param key the other key's name
     * @param of its values
     */
    public record NumberOf(double value, String key, List<String> of) implements Derived {
        @Override
        public Object of(Map<String, Object> values) {
            return of.contains((String) values.get(key)) ? value : 0.0;
        }

        @Override
        public String toString() {
            return value + " for " + String.join(" and ", of) + ", else 0";
        }
    }

    /** The default where the keys have these values. */
    Object fallback(Map<String, Object> values) {
        return fallback instanceof Derived derived ? derived.of(values) : fallback;
    }

    /** What comes before the dot, such as {@code optimizer}; empty where there is none. */
    public String group() {
        return name.substring(0, Math.max(0, name.lastIndexOf('.')));
    }

    /** The default for people; empty where there is none. */
    public String shownFallback() {
        String text = fallback == null || List.of().equals(fallback) ? "" : fallback.toString();
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    static ConfigKey text(String name, String fallback, String doc) {
        return new ConfigKey(name, Type.TEXT, fallback, 0, 0, List.of(), doc);
    }

    static ConfigKey path(String name, String doc) {
        return new ConfigKey(name, Type.PATH, null, 0, 0, List.of(), doc);
    }

    static ConfigKey paths(String name, String doc) {
        return new ConfigKey(name, Type.PATHS, List.of(), 0, 0, List.of(), doc);
    }

    static ConfigKey texts(String name, List<String> fallback, String doc) {
        return new ConfigKey(name, Type.TEXTS, fallback, 0, 0, List.of(), doc);
    }

    static ConfigKey items(String name, String doc) {
        return new ConfigKey(name, Type.ITEMS, List.of(), 0, 0, List.of(), doc);
    }

    static ConfigKey object(String name, String fallback, String doc) {
        return new ConfigKey(name, Type.OBJECT, fallback, 0, 0, List.of(), doc);
    }

    static ConfigKey integer(String name, long fallback, long low, long high, String doc) {
        return new ConfigKey(name, Type.INTEGER, fallback, low, high, List.of(), doc);
    }

    static ConfigKey integerUpToHalf(String name, long fallback, String other, long low, long high, String doc) {
        return new ConfigKey(name, Type.INTEGER, new UpToHalf(fallback, other), low, high, List.of(), doc);
    }

    static ConfigKey real(String name, double fallback, double low, double high, String doc) {
        return new ConfigKey(name, Type.REAL, fallback, low, high, List.of(), doc);
    }

    static ConfigKey realAs(String name, String other, double low, double high, String doc) {
        return new ConfigKey(name, Type.REAL, new SameAs(other), low, high, List.of(), doc);
    }

    static ConfigKey realOf(String name, double fallback, String other, List<String> of, double low, double high, String doc) {
        return new ConfigKey(name, Type.REAL, new NumberOf(fallback, other, of), low, high, List.of(), doc);
    }

    static ConfigKey optionalReal(String name, double low, double high, String doc) {
        return new ConfigKey(name, Type.REAL, null, low, high, List.of(), doc);
    }

    static ConfigKey reals(String name, List<Double> fallback, double low, double high, String doc) {
        return new ConfigKey(name, Type.REALS, fallback, low, high, List.of(), doc);
    }

    static ConfigKey flag(String name, boolean fallback, String doc) {
        return new ConfigKey(name, Type.BOOLEAN, fallback, 0, 0, List.of(), doc);
    }

    static ConfigKey choice(String name, String fallback, List<String> choices, String doc) {
        return new ConfigKey(name, Type.CHOICE, fallback, 0, 0, choices, doc);
    }
}
