package org.metaapo.text.template;

import java.math.BigInteger;
import java.time.Clock;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.metaapo.error.DataException;

/**
 * A parsed chat template. It is immutable and can be rendered by several threads at once.
 *
 * <p>Every failure is a {@link DataException} with the template's name, line and column.
 */
public final class Template {
    private static final int DEEPEST_VALUE = 100;
    private static final int LONGEST_MESSAGE = 800;

    private final String name;
    private final String source;
    private final List<Statement> body;
    private final TemplateLimits limits;
    private final Clock clock;

    private Template(String name, String source, List<Statement> body, TemplateLimits limits, Clock clock) {
        this.name = name;
        this.source = source;
        this.body = body;
        this.limits = limits;
        this.clock = clock;
    }

    /** Whether a name stands anywhere in it. */
    public boolean mentions(String word) {
        return source.contains(word);
    }

    /** Its source. */
    public String source() {
        return source;
    }

    /**
     * Parses a template, with {@link TemplateLimits#DEFAULT} and the machine's clock.
     *
     * @param name of the source, for messages
     * @throws DataException if it is broken or uses what is not supported
     */
    public static Template parse(String name, String source) {
        return parse(name, source, Clock.systemDefaultZone());
    }

    /** As {@link #parse(String, String)}, with the clock that {@code strftime_now} reads. */
    public static Template parse(String name, String source, Clock clock) {
        return parse(name, source, TemplateLimits.DEFAULT, clock);
    }

    /**
     * Parses a template.
     *
     * @param name of the source, for messages
     * @param clock what {@code strftime_now} reads
     * @throws DataException if it is broken or uses what is not supported
     */
    public static Template parse(String name, String source, TemplateLimits limits, Clock clock) {
        String normalised = Lexer.normalise(source);
        try {
            return new Template(name, normalised, Parser.parse(Lexer.tokens(normalised)), limits, clock);
        } catch (TemplateFailure failure) {
            throw placed(name, normalised, failure);
        } catch (StackOverflowError tooDeep) {
            throw new DataException(name + ": template source nests too deeply");
        }
    }

    /**
     * Renders the template.
     *
     * @param variables names and their values: null, {@link String}, {@link Boolean}, whole numbers, floats,
     *     {@link List}s and {@link Map}s with text keys of these. Text is only ever a value, never source.
     * @throws DataException if the template raises, fails or goes beyond its limits
     */
    public String render(Map<String, ?> variables) {
        return renderMarked(variables).text();
    }

    /** As {@link #render}, with the parts that {@code {% generation %}} blocks mark. */
    public Rendering renderMarked(Map<String, ?> variables) {
        Map<String, Object> names = new HashMap<>();
        variables.forEach((key, value) -> names.put(key, imported(value, 0)));
        Evaluation evaluation = new Evaluation(new Budget(limits), () -> LocalDateTime.now(clock), names);
        try {
            evaluation.run(body);
        } catch (TemplateFailure failure) {
            throw placed(name, source, failure);
        } catch (StackOverflowError tooDeep) {
            throw new DataException(name + ": template nests too deeply while it is rendered");
        }
        String unplaced = evaluation.unplaced < 0 ? null : place(source, evaluation.unplaced);
        return new Rendering(evaluation.document(), evaluation.generated, unplaced);
    }

    /** A value as {@code {{ value }}} writes it: Python's {@code str}. */
    public static String written(Object value) {
        return Repr.string(imported(value, 0), new Budget(TemplateLimits.DEFAULT));
    }

    private static Object imported(Object value, int depth) {
        if (depth > DEEPEST_VALUE) {
            throw new DataException("a value given to the template nests deeper than " + DEEPEST_VALUE + " levels");
        }
        if (value == null || value instanceof String || value instanceof Boolean || value instanceof Long) {
            return value;
        } else if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ((Number) value).longValue();
        } else if (value instanceof Double || value instanceof Float) {
            return ((Number) value).doubleValue();
        } else if (value instanceof List<?> list) {
            List<Object> copy = new ArrayList<>(list.size());
            list.forEach(item -> copy.add(imported(item, depth + 1)));
            return copy;
        } else if (value instanceof Map<?, ?> map) {
            Map<Object, Object> copy = new LinkedHashMap<>();
            map.forEach((key, item) -> copy.put(imported(key, depth + 1), imported(item, depth + 1)));
            return copy;
        }
        if (value instanceof BigInteger) {
            throw new DataException("a value given to the template is a whole number of more than 64 bits: " + value);
        }
        throw new IllegalArgumentException("not a value for a template: " + value.getClass());
    }

    private static DataException placed(String name, String source, TemplateFailure failure) {
        // A template may raise a message of many lines, and names come from it too.
        String message = Repr.oneLine(failure.getMessage(), LONGEST_MESSAGE);
        if (failure.at() < 0) {
            return new DataException(name + ": " + message);
        }
        return new DataException(name + ", " + place(source, failure.at()) + ": " + message);
    }

    private static String place(String source, int offset) {
        int at = Math.min(offset, source.length());
        long line = source.substring(0, at).chars().filter(c -> c == '\n').count() + 1;
        int column = source.codePointCount(source.lastIndexOf('\n', at - 1) + 1, at) + 1;
        return "line " + line + ", column " + column;
    }
}
