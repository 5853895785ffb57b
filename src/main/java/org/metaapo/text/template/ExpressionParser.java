package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Parses expressions, with jinja2's precedence. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final int MAX_NESTING = 120;

    private final TokenStream in;
    private int nesting;

    ExpressionParser(TokenStream in) {
        this.in = in;
    }

    /** An expression with an inline if. */
    Expression parse() {
        return parse(true);
    }

    Expression parse(boolean withCondition) {
        if (++nesting > MAX_NESTING) {
            throw in.error("expressions nested deeper than " + MAX_NESTING);
        }
        try {
            Expression value = or();
            while (withCondition && in.isName("if")) {
                in.next();
                Expression condition = or();
                Expression then = value;
                Expression otherwise = in.skipName("else") ? parse() : c -> new Undefined("the inline if without else");
                value = c -> Values.truth(condition.evaluate(c)) ? then.evaluate(c) : otherwise.evaluate(c);
            }
            return value;
        } finally {
            nesting--;
        }
    }

    /** One expression, or several with commas as a tuple. */
    Expression tuple(boolean withCondition) {
        Expression first = parse(withCondition);
        if (!in.isOperator(",")) {
            return first;
        }
        List<Expression> items = new ArrayList<>(List.of(first));
        while (in.skipOperator(",")) {
            if (in.peek().kind() == Token.Kind.BLOCK_END || in.peek().kind() == Token.Kind.EXPRESSION_END) {
                break;
            }
            items.add(parse(withCondition));
        }
        return tuple(items);
    }

    private static Expression tuple(List<Expression> items) {
        Expression list = list(items);
        return c -> new Tuple((List<?>) list.evaluate(c));
    }

    private static Expression list(List<Expression> items) {
        return c -> {
            List<Object> values = new ArrayList<>();
            items.forEach(item -> values.add(item.evaluate(c)));
            return values;
        };
    }

    private Expression or() {
        Expression left = and();
        while (in.skipName("or")) {
            Expression a = left;
            Expression b = and();
            left = c -> {
                Object value = a.evaluate(c);
                return Values.truth(value) ? value : b.evaluate(c);
            };
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (in.skipName("and")) {
            Expression a = left;
            Expression b = not();
            left = c -> {
                Object value = a.evaluate(c);
                return Values.truth(value) ? b.evaluate(c) : value;
            };
        }
        return left;
    }

    private Expression not() {
        if (!in.isName("not")) {
            return comparison();
        }
        if (++nesting > MAX_NESTING) {
            throw in.error("expressions nested deeper than " + MAX_NESTING);
        }
        in.next();
        Expression value = not();
        nesting--;
        return c -> !Values.truth(value.evaluate(c));
    }

    private interface Comparison {
        boolean test(Object a, Object b);
    }

    private Expression comparison() {
        Expression first = sum();
        List<Comparison> operators = new ArrayList<>();
        List<Expression> operands = new ArrayList<>();
        while (true) {
            Token token = in.peek();
            if (token.kind() == Token.Kind.OPERATOR && COMPARISONS.contains(token.text())) {
                in.next();
                operators.add(comparison(token.text()));
            } else if (in.skipName("in")) {
                operators.add((a, b) -> Values.contains(b, a));
            } else if (in.isName("not") && in.peekSecond().is(Token.Kind.NAME, "in")) {
                in.next();
                in.next();
                operators.add((a, b) -> !Values.contains(b, a));
            } else {
                break;
            }
            operands.add(at(token, sum()));
        }
        if (operators.isEmpty()) {
            return first;
        }
        return c -> {
            Object left = first.evaluate(c);
            for (int i = 0; i < operators.size(); i++) {
                Object right = c.charged(operands.get(i).evaluate(c));
                if (!operators.get(i).test(left, right)) {
                    return false;
                }
                left = right;
            }
            return true;
        };
    }

    private static Comparison comparison(String operator) {
        return switch (operator) {
            case "==" -> Values::equal;
            case "!=" -> (a, b) -> !Values.equal(a, b);
            case "<" -> (a, b) -> Values.compare(a, b) < 0;
            case "<=" -> (a, b) -> Values.compare(a, b) <= 0;
            case ">" -> (a, b) -> Values.compare(a, b) > 0;
            default -> (a, b) -> Values.compare(a, b) >= 0;
        };
    }

    private Expression sum() {
        Expression left = concatenation();
        while (in.isOperator("+") || in.isOperator("-")) {
            Token operator = in.next();
            Expression a = left;
            Expression b = concatenation();
            left = at(operator, operator.text().equals("+")
                    ? c -> c.charged(Values.add(a.evaluate(c), b.evaluate(c)))
                    : c -> Values.arithmetic("-", a.evaluate(c), b.evaluate(c)));
        }
        return left;
    }

    private Expression concatenation() {
        Expression left = product();
        while (in.skipOperator("~")) {
            Expression a = left;
            Expression b = product();
            left = c -> c.charged(Values.limited(Values.text(a.evaluate(c)) + Values.text(b.evaluate(c))));
        }
        return left;
    }

    private Expression product() {
        Expression left = power();
        while (in.isOperator("*") || in.isOperator("/") || in.isOperator("//") || in.isOperator("%")) {
            Token operator = in.next();
            Expression a = left;
            Expression b = power();
            left = at(operator, c -> c.charged(Values.arithmetic(operator.text(), a.evaluate(c), b.evaluate(c))));
        }
        return left;
    }

    private Expression unary() {
        Token token = in.peek();
        if (!in.isOperator("-") && !in.isOperator("+")) {
            return filtersAndTests(postfix(primary()));
        }
        if (++nesting > MAX_NESTING) {
            throw in.error("expressions nested deeper than " + MAX_NESTING);
        }
        in.next();
        Expression value = token.text().equals("-") ? negated(unaryPlain(), token) : unaryPlain();
        nesting--;
        return filtersAndTests(value);
    }

    private Expression unaryPlain() {
        Token token = in.peek();
        if (in.skipOperator("-")) {
            return negated(unaryPlain(), token);
        }
        return in.skipOperator("+") ? unaryPlain() : postfix(primary());
    }

    private static Expression negated(Expression value, Token token) {
        return at(token, c -> Values.arithmetic("-", 0L, value.evaluate(c)));
    }

    private Expression power() {
        Expression left = unary();
        while (in.isOperator("**")) {
            Token operator = in.next();
            Expression a = left;
            Expression b = unary();
            left = at(operator, c -> Values.arithmetic("**", a.evaluate(c), b.evaluate(c)));
        }
        return left;
    }

    private Expression primary() {
        Token token = in.next();
        switch (token.kind()) {
            case NAME:
                return switch (token.text()) {
                    case "true", "True" -> c -> true;
                    case "false", "False" -> c -> false;
                    case "none", "None" -> c -> null;
                    default -> c -> {
                        c.charge(1);
                        return c.get(token.text());
                    };
                };
            case STRING:
                StringBuilder text = new StringBuilder(token.text());
                while (in.peek().kind() == Token.Kind.STRING) {
                    text.append(in.next().text());
                }
                String joined = text.toString();
                return c -> joined;
            case INTEGER:
                try {
                    long number = Long.parseLong(token.text());
                    return c -> number;
                } catch (NumberFormatException e) {
                    throw new TemplateError("the integer is too large", token.line(), token.column());
                }
            case FLOAT:
                double real = Double.parseDouble(token.text());
                return c -> real;
            case OPERATOR:
                if (token.text().equals("(")) {
                    return parenthesised();
                }
                if (token.text().equals("[")) {
                    return list(items("]"));
                }
                if (token.text().equals("{")) {
                    return mapping();
                }
                break;
            default:
                break;
        }
        throw new TemplateError("unexpected " + TokenStream.shown(token), token.line(), token.column());
    }

    private Expression parenthesised() {
        if (in.skipOperator(")")) {
            return tuple(List.of());
        }
        Expression first = parse();
        if (in.skipOperator(")")) {
            return first;
        }
        in.expectOperator(",");
        List<Expression> all = new ArrayList<>(List.of(first));
        all.addAll(items(")"));
        return tuple(all);
    }

    private List<Expression> items(String closing) {
        List<Expression> items = new ArrayList<>();
        while (!in.skipOperator(closing)) {
            items.add(parse());
            if (!in.isOperator(closing)) {
                in.expectOperator(",");
            }
        }
        return items;
    }

    private Expression mapping() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!in.skipOperator("}")) {
            keys.add(parse());
            in.expectOperator(":");
            values.add(parse());
            if (!in.isOperator("}")) {
                in.expectOperator(",");
            }
        }
        return c -> {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                map.put(keys.get(i).evaluate(c), values.get(i).evaluate(c));
            }
            return map;
        };
    }

    /** Members, subscripts and calls behind a value. */
    Expression postfix(Expression value) {
        Expression result = value;
        while (true) {
            Token token = in.peek();
            if (in.skipOperator(".")) {
                Expression object = result;
                if (in.peek().kind() == Token.Kind.INTEGER) {
                    long index = Long.parseLong(in.next().text());
                    result = at(token, c -> Members.item(c.charged(object.evaluate(c)), index));
                } else {
                    String name = in.expectName();
                    result = at(token, c -> Members.attribute(c.charged(object.evaluate(c)), name));
                }
            } else if (in.skipOperator("[")) {
                result = subscript(result, token);
            } else if (in.skipOperator("(")) {
                Expression function = result;
                Arguments arguments = arguments();
                result = at(token, c -> {
                    c.charge(1);
                    Object f = function.evaluate(c);
                    if (!(f instanceof Callable callable)) {
                        throw Values.error(Values.kind(f) + " cannot be called");
                    }
                    return c.charged(callable.call(arguments.positional(c), arguments.named(c)));
                });
            } else {
                return result;
            }
        }
    }

    private Expression subscript(Expression object, Token token) {
        Expression start = in.isOperator(":") ? null : parse();
        if (in.skipOperator("]")) {
            Expression index = start;
            return at(token, c -> Members.item(c.charged(object.evaluate(c)), index.evaluate(c)));
        }
        in.expectOperator(":");
        Expression stop = in.isOperator(":") || in.isOperator("]") ? null : parse();
        Expression step = in.skipOperator(":") && !in.isOperator("]") ? parse() : null;
        in.expectOperator("]");
        return at(token, c -> Values.slice(c.charged(object.evaluate(c)), optional(start, c), optional(stop, c), optional(step, c)));
    }

    private static Object optional(Expression expression, Context c) {
        return expression == null ? null : expression.evaluate(c);
    }

    /** Arguments of a call, the opening parenthesis already read. */
    record Arguments(List<Expression> values, Map<String, Expression> keywords) {
        List<Object> positional(Context c) {
            List<Object> list = new ArrayList<>();
            values.forEach(value -> list.add(value.evaluate(c)));
            return list;
        }

        Map<String, Object> named(Context c) {
            Map<String, Object> map = new LinkedHashMap<>();
            keywords.forEach((name, value) -> map.put(name, value.evaluate(c)));
            return map;
        }
    }

    Arguments arguments() {
        List<Expression> values = new ArrayList<>();
        Map<String, Expression> keywords = new LinkedHashMap<>();
        while (!in.skipOperator(")")) {
            if (in.peek().kind() == Token.Kind.NAME && in.peekSecond().is(Token.Kind.OPERATOR, "=")) {
                String name = in.next().text();
                in.next();
                keywords.put(name, parse());
            } else {
                values.add(parse());
            }
            if (!in.isOperator(")")) {
                in.expectOperator(",");
            }
        }
        return new Arguments(values, keywords);
    }

    private Expression filtersAndTests(Expression value) {
        Expression result = value;
        while (true) {
            Token token = in.peek();
            if (in.skipOperator("|")) {
                result = filter(result, token);
            } else if (in.isName("is")) {
                in.next();
                result = test(result, token);
            } else {
                return result;
            }
        }
    }

    /** A filter behind a value; the bar already read. */
    Expression filter(Expression value, Token token) {
        String name = in.expectName();
        Filters.Filter filter = Filters.find(name);
        if (filter == null) {
            throw new TemplateError("no filter \"" + name + "\" is supported", token.line(), token.column());
        }
        Arguments arguments = in.skipOperator("(") ? arguments() : new Arguments(List.of(), Map.of());
        return at(token, c -> {
            c.charge(1);
            Object v = c.charged(value.evaluate(c));
            return c.charged(filter.apply(v, new Filters.Arguments(arguments.positional(c), arguments.named(c))));
        });
    }

    private Expression test(Expression value, Token token) {
        boolean negate = in.skipName("not");
        String name = in.expectName();
        Tests.Test test = Tests.find(name);
        if (test == null) {
            throw new TemplateError("no test \"" + name + "\" is supported", token.line(), token.column());
        }
        List<Expression> arguments = new ArrayList<>();
        if (in.skipOperator("(")) {
            arguments.addAll(arguments().values());
        } else if (startsArgument()) {
            arguments.add(postfix(primary()));
        }
        return at(token, c -> {
            List<Object> values = new ArrayList<>();
            arguments.forEach(a -> values.add(a.evaluate(c)));
            return test.holds(value.evaluate(c), values) != negate;
        });
    }

    private boolean startsArgument() {
        Token token = in.peek();
        return switch (token.kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !Set.of("else", "or", "and", "is", "if", "in", "not", "recursive").contains(token.text());
            case OPERATOR -> token.text().equals("[") || token.text().equals("{");
            default -> false;
        };
    }

    /** Errors without a place get that of the token. */
    static Expression at(Token token, Expression expression) {
        return c -> {
            try {
                return expression.evaluate(c);
            } catch (TemplateError e) {
                throw e.line() > 0 ? e : new TemplateError(e.getMessage(), token.line(), token.column());
            }
        };
    }
}
