package org.metaapo.text.template;

import java.time.Clock;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.metaapo.error.DataException;

/** A parsed template. Immutable; may render in several threads. */
public final class Template {
    private static final int LARGEST_RANGE = 100_000;

    private final String name;
    private final Statement body;
    private final Clock clock;

    private Template(String name, Statement body, Clock clock) {
        this.name = name;
        this.body = body;
        this.clock = clock;
    }

    /**
     * Parses a template.
     *
     * @param name where it comes from, for messages
     * @throws DataException for a syntax error or an unsupported construct, with line and column
     */
    public static Template parse(String name, String source) {
        return parse(name, source, Clock.systemDefaultZone());
    }

    /** As {@link #parse(String, String)}, with the clock that {@code strftime_now} reads. */
    public static Template parse(String name, String source, Clock clock) {
        try {
            return new Template(name, new TemplateParser(Lexer.tokens(source)).parse(), clock);
        } catch (TemplateError e) {
            throw failure(name, e);
        } catch (StackOverflowError e) {
            throw new DataException(name + ": nested too deeply");
        }
    }

    /**
     * Renders with these variables.
     *
     * @param variables null, Boolean, Long, Double, String, and lists and maps of them
     * @throws DataException if the template raises, uses something undefined, or passes a limit; with line and column
     */
    public String render(Map<String, Object> variables) {
        Map<String, Object> all = new HashMap<>(functions());
        all.putAll(variables);
        Context context = new Context(all);
        try {
            body.run(context);
            return context.output();
        } catch (TemplateError e) {
            throw failure(name, e);
        } catch (LoopControl e) {
            throw new DataException(name + ": break or continue outside of a loop");
        } catch (StackOverflowError e) {
            throw new DataException(name + ": recursion too deep");
        } catch (IndexOutOfBoundsException e) {
            throw new DataException(name + ": a function or method was called with too few arguments");
        }
    }

    private static DataException failure(String name, TemplateError e) {
        String place = e.line() > 0 ? ", line " + e.line() + ", column " + e.column() : "";
        return new DataException(name + place + ": " + e.getMessage());
    }

    private Map<String, Object> functions() {
        Map<String, Object> functions = new HashMap<>();
        functions.put("namespace", (Callable) (p, n) -> {
            Map<String, Object> start = new HashMap<>();
            if (!p.isEmpty() && p.get(0) instanceof Map<?, ?> map) {
                map.forEach((key, value) -> start.put(Values.text(key), value));
            }
            start.putAll(n);
            return new Namespace(start);
        });
        functions.put("dict", (Callable) (p, n) -> {
            Map<Object, Object> made = new java.util.LinkedHashMap<>();
            if (!p.isEmpty() && p.get(0) instanceof Map<?, ?> map) {
                made.putAll(map);
            } else if (!p.isEmpty()) {
                for (Object pair : Values.iterate(p.get(0))) {
                    made.put(Members.item(pair, 0L), Members.item(pair, 1L));
                }
            }
            made.putAll(n);
            return made;
        });
        functions.put("range", (Callable) (p, n) -> range(p));
        functions.put("raise_exception", (Callable) (p, n) -> {
            throw Values.error("the template refuses: " + Values.text(p.isEmpty() ? "" : p.get(0)));
        });
        functions.put("strftime_now", (Callable) (p, n) -> strftime(Values.text(p.get(0)), ZonedDateTime.now(clock)));
        return functions;
    }

    private static List<Object> range(List<Object> arguments) {
        long start = arguments.size() > 1 ? Values.integer(arguments.get(0)) : 0;
        long stop = Values.integer(arguments.get(arguments.size() > 1 ? 1 : 0));
        long step = arguments.size() > 2 ? Values.integer(arguments.get(2)) : 1;
        if (step == 0) {
            throw Values.error("range step is 0");
        }
        List<Object> numbers = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            if (numbers.size() == LARGEST_RANGE) {
                throw Values.error("a range of more than " + LARGEST_RANGE + " numbers");
            }
            numbers.add(i);
        }
        return numbers;
    }

    private static String strftime(String format, ZonedDateTime now) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            String pattern = switch (directive) {
                case 'd' -> "dd";
                case 'b' -> "MMM";
                case 'B' -> "MMMM";
                case 'm' -> "MM";
                case 'Y' -> "yyyy";
                case 'y' -> "yy";
                case 'H' -> "HH";
                case 'I' -> "hh";
                case 'M' -> "mm";
                case 'S' -> "ss";
                case 'p' -> "a";
                case 'A' -> "EEEE";
                case 'a' -> "EEE";
                case 'j' -> "DDD";
                case 'Z' -> "zzz";
                case '%' -> "'%'";
                default -> throw Values.error("strftime_now does not support %" + directive);
            };
            out.append(now.format(DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH)));
        }
        return out.toString();
    }
}
