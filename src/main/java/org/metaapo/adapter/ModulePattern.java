package org.metaapo.adapter;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression of an adapter's configuration, tried on names of modules. Python's named groups are understood; an
 * expression that takes exponentially many steps is refused, for it comes from a file.
 */
final class ModulePattern {
    private static final int MAX_STEPS = 100_000;

    private final String text;
    private final Pattern pattern;

    /** {@code wrapped} is the expression in what PEFT puts around it. */
    ModulePattern(String text, String wrapped) {
        this.text = text;
        try {
            this.pattern = Pattern.compile(wrapped.replace("(?P<", "(?<"));
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("\"" + text + "\" is not a regular expression: " + e.getDescription(), e);
        }
    }

    /** Whether the whole name fits. */
    boolean fits(String name) {
        return matcher(name).matches();
    }

    /** A matcher of which {@code lookingAt} is Python's {@code re.match}. */
    Matcher matcher(String name) {
        return pattern.matcher(new Counted(name));
    }

    private final class Counted implements CharSequence {
        private final String name;
        private int steps;

        Counted(String name) {
            this.name = name;
        }

        @Override
        public char charAt(int index) {
            if (++steps > MAX_STEPS) {
                throw new IllegalArgumentException("\"" + text + "\" takes too long on a name such as \"" + name + "\"; simplify it");
            }
            return name.charAt(index);
        }

        @Override
        public int length() {
            return name.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return name.subSequence(start, end);
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
