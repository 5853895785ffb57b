package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses a template into statements. */
final class TemplateParser {
    private static final int MAX_NESTING = 100;
    /** Not a name that a template can spell. */
    private static final String CAPTURED_NAME = " captured";

    private static final Expression CAPTURED = c -> c.get(CAPTURED_NAME);

    private final TokenStream in;
    private final ExpressionParser expressions;
    private int nesting;

    TemplateParser(List<Token> tokens) {
        this.in = new TokenStream(tokens);
        this.expressions = new ExpressionParser(in);
    }

    Statement parse() {
        Statement body = body(Set.of());
        if (in.peek().kind() != Token.Kind.END) {
            throw in.error("unexpected " + TokenStream.shown(in.peek()));
        }
        return body;
    }

    /** Statements up to a block tag of one of these names, whose name is then the next token; or to the end. */
    private Statement body(Set<String> ends) {
        if (++nesting > MAX_NESTING) {
            throw in.error("blocks nested deeper than " + MAX_NESTING);
        }
        List<Statement> parts = new ArrayList<>();
        while (true) {
            Token token = in.peek();
            if (token.kind() == Token.Kind.END) {
                if (!ends.isEmpty()) {
                    throw in.error("the template ends inside a block; expected " + String.join(" or ", ends.stream().sorted().toList()));
                }
                break;
            }
            in.next();
            if (token.kind() == Token.Kind.DATA) {
                parts.add(c -> c.write(token.text()));
            } else if (token.kind() == Token.Kind.EXPRESSION_BEGIN) {
                Expression value = expressions.tuple(true);
                in.expect(Token.Kind.EXPRESSION_END);
                parts.add(c -> c.write(Values.text(value.evaluate(c))));
            } else {
                if (in.peek().kind() == Token.Kind.NAME && ends.contains(in.peek().text())) {
                    break;
                }
                parts.add(block());
            }
        }
        nesting--;
        Statement[] list = parts.toArray(Statement[]::new);
        return c -> {
            for (Statement part : list) {
                c.charge(1);
                part.run(c);
            }
        };
    }

    private Statement block() {
        Token token = in.peek();
        String name = in.expectName();
        return switch (name) {
            case "if" -> condition();
            case "for" -> loop();
            case "set" -> assignment();
            case "macro" -> macro();
            case "filter" -> filterBlock(token);
            case "generation" -> {
                in.expect(Token.Kind.BLOCK_END);
                Statement body = body(Set.of("endgeneration"));
                end();
                yield c -> {
                    c.push(new HashMap<>());
                    try {
                        body.run(c);
                    } finally {
                        c.pop();
                    }
                };
            }
            case "break" -> control(LoopControl.BREAK);
            case "continue" -> control(LoopControl.CONTINUE);
            default -> throw new TemplateError("no tag \"" + name + "\" is supported here", token.line(), token.column());
        };
    }

    /** The name of a closing tag and its end. */
    private void end() {
        in.next();
        in.expect(Token.Kind.BLOCK_END);
    }

    private Statement control(LoopControl what) {
        in.expect(Token.Kind.BLOCK_END);
        return c -> {
            throw what;
        };
    }

    private Statement condition() {
        Expression test = expressions.tuple(true);
        in.expect(Token.Kind.BLOCK_END);
        Statement then = body(Set.of("elif", "else", "endif"));
        Statement otherwise = c -> { };
        String end = in.next().text();
        if (end.equals("elif")) {
            otherwise = condition();
            return choose(test, then, otherwise);
        }
        in.expect(Token.Kind.BLOCK_END);
        if (end.equals("else")) {
            otherwise = body(Set.of("endif"));
            end();
        }
        return choose(test, then, otherwise);
    }

    private static Statement choose(Expression test, Statement then, Statement otherwise) {
        return c -> {
            if (Values.truth(test.evaluate(c))) {
                then.run(c);
            } else {
                otherwise.run(c);
            }
        };
    }

    private List<String> targets() {
        boolean parenthesis = in.skipOperator("(");
        List<String> names = new ArrayList<>(List.of(in.expectName()));
        while (in.skipOperator(",")) {
            names.add(in.expectName());
        }
        if (parenthesis) {
            in.expectOperator(")");
        }
        return names;
    }

    private static void assign(List<String> names, Object value, Map<String, Object> scope) {
        if (names.size() == 1) {
            scope.put(names.get(0), value);
            return;
        }
        List<Object> items = Values.iterate(value);
        if (items.size() != names.size()) {
            throw Values.error("cannot unpack " + items.size() + " values into " + names.size() + " names");
        }
        for (int i = 0; i < names.size(); i++) {
            scope.put(names.get(i), items.get(i));
        }
    }

    private Statement loop() {
        Token token = in.peek();
        List<String> names = targets();
        if (!in.skipName("in")) {
            throw in.error("expected \"in\", found " + TokenStream.shown(in.peek()));
        }
        Expression sequence = expressions.tuple(false);
        Expression filter = in.skipName("if") ? expressions.parse() : null;
        boolean recursive = in.skipName("recursive");
        in.expect(Token.Kind.BLOCK_END);
        Statement body = body(Set.of("else", "endfor"));
        Statement otherwise = c -> { };
        if (in.next().text().equals("else")) {
            in.expect(Token.Kind.BLOCK_END);
            otherwise = body(Set.of("endfor"));
            end();
        } else {
            in.expect(Token.Kind.BLOCK_END);
        }
        ForLoop loop = new ForLoop(token, names, filter, body, otherwise, recursive);
        return c -> loop.run(c, sequence.evaluate(c), 1);
    }

    /** A parsed for loop. */
    private record ForLoop(
            Token token, List<String> names, Expression filter, Statement body, Statement otherwise, boolean recursive) {
        void run(Context c, Object sequence, int depth) {
            c.nested(() -> iterate(c, sequence, depth));
        }

        private void iterate(Context c, Object sequence, int depth) {
            List<Object> items = items(c, sequence);
            if (items.isEmpty()) {
                otherwise.run(c);
                return;
            }
            Loop loop = new Loop(items, depth);
            for (int i = 0; i < items.size(); i++) {
                c.charge(1);
                Map<String, Object> scope = new HashMap<>();
                loop.moveTo(i);
                scope.put("loop", recursive ? new RecursiveLoop(this, c, loop) : loop);
                assign(names, items.get(i), scope);
                c.push(scope);
                try {
                    body.run(c);
                } catch (LoopControl control) {
                    if (control == LoopControl.BREAK) {
                        break;
                    }
                } finally {
                    c.pop();
                }
            }
        }

        private List<Object> items(Context c, Object sequence) {
            List<Object> items;
            try {
                items = Values.iterate(sequence);
            } catch (TemplateError e) {
                throw new TemplateError(e.getMessage(), token.line(), token.column());
            }
            if (filter != null) {
                items.removeIf(item -> {
                    Map<String, Object> scope = new HashMap<>();
                    assign(names, item, scope);
                    c.push(scope);
                    try {
                        return !Values.truth(filter.evaluate(c));
                    } finally {
                        c.pop();
                    }
                });
            }
            return items;
        }
    }

    /** The loop variable of a recursive loop: calling it runs the loop on another sequence. */
    static final class RecursiveLoop implements Callable {
        private final ForLoop parsed;
        private final Context context;
        private final Loop loop;

        RecursiveLoop(ForLoop parsed, Context context, Loop loop) {
            this.parsed = parsed;
            this.context = context;
            this.loop = loop;
        }

        Loop loop() {
            return loop;
        }

        @Override
        public Object call(List<Object> positional, Map<String, Object> named) {
            return context.capture(() -> parsed.run(context, positional.get(0), loop.depth() + 1));
        }
    }

    private Statement assignment() {
        Token token = in.peek();
        if (in.peekSecond().is(Token.Kind.OPERATOR, ".")) {
            String object = in.expectName();
            in.next();
            String attribute = in.expectName();
            in.expectOperator("=");
            Expression value = expressions.tuple(true);
            in.expect(Token.Kind.BLOCK_END);
            return c -> {
                if (!(c.get(object) instanceof Namespace namespace)) {
                    throw new TemplateError("only attributes of a namespace can be set", token.line(), token.column());
                }
                namespace.put(attribute, value.evaluate(c));
            };
        }
        List<String> names = targets();
        if (in.skipOperator("=")) {
            Expression value = expressions.tuple(true);
            in.expect(Token.Kind.BLOCK_END);
            return c -> {
                Map<String, Object> assigned = new LinkedHashMap<>();
                assign(names, value.evaluate(c), assigned);
                assigned.forEach(c::set);
            };
        }
        return blockAssignment(names.get(0));
    }

    private Statement blockAssignment(String name) {
        Expression value = CAPTURED;
        while (in.isOperator("|")) {
            Token bar = in.next();
            value = expressions.filter(value, bar);
        }
        in.expect(Token.Kind.BLOCK_END);
        Statement body = body(Set.of("endset"));
        end();
        Expression result = value;
        return c -> {
            c.set(name, filtered(c, body, result));
        };
    }

    /** What the body writes, through the filters behind {@link #CAPTURED}. */
    private static Object filtered(Context c, Statement body, Expression filters) {
        Map<String, Object> scope = new HashMap<>();
        c.push(scope);
        try {
            scope.put(CAPTURED_NAME, c.capture(() -> body.run(c)));
            return filters.evaluate(c);
        } finally {
            c.pop();
        }
    }

    private Statement filterBlock(Token token) {
        Expression value = expressions.filter(CAPTURED, token);
        while (in.isOperator("|")) {
            Token bar = in.next();
            value = expressions.filter(value, bar);
        }
        in.expect(Token.Kind.BLOCK_END);
        Statement body = body(Set.of("endfilter"));
        end();
        Expression result = value;
        return c -> {
            c.write(Values.text(filtered(c, body, result)));
        };
    }

    private Statement macro() {
        String name = in.expectName();
        in.expectOperator("(");
        List<String> parameters = new ArrayList<>();
        Map<String, Expression> defaults = new LinkedHashMap<>();
        while (!in.skipOperator(")")) {
            String parameter = in.expectName();
            parameters.add(parameter);
            if (in.skipOperator("=")) {
                defaults.put(parameter, expressions.parse());
            }
            if (!in.isOperator(")")) {
                in.expectOperator(",");
            }
        }
        in.expect(Token.Kind.BLOCK_END);
        Statement body = body(Set.of("endmacro"));
        end();
        return c -> c.set(name, (Callable) (positional, named) -> {
            if (positional.size() > parameters.size()) {
                throw Values.error("macro " + name + " takes " + parameters.size() + " arguments, found " + positional.size());
            }
            for (String given : named.keySet()) {
                if (!parameters.contains(given)) {
                    throw Values.error("macro " + name + " takes no argument \"" + given + "\"");
                }
            }
            Map<String, Object> scope = new HashMap<>();
            return c.capture(() -> c.isolated(scope, () -> {
                // A default may use the parameters before it.
                for (int i = 0; i < parameters.size(); i++) {
                    String parameter = parameters.get(i);
                    Object value = i < positional.size() ? positional.get(i)
                            : named.containsKey(parameter) ? named.get(parameter)
                            : defaults.containsKey(parameter) ? defaults.get(parameter).evaluate(c)
                            : new Undefined(parameter);
                    scope.put(parameter, value);
                }
                body.run(c);
            }));
        });
    }
}
