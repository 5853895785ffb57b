package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.metaapo.text.template.Token.Type;

/** Parses expressions, with the precedence of jinja2. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> CONSTANTS = Set.of("true", "True", "false", "False", "none", "None");

    private final TokenStream tokens;

    /** Which of the special names of macros were read since the set was last replaced. */
    private Set<String> specialNames = new HashSet<>();

    private Frame frame = new Frame(null);
    private int conditions;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** The block that is being read. */
    Frame frame() {
        return frame;
    }

    /** Enters a block inside the present one; returns how many ifs were open. */
    int enterFrame() {
        int open = conditions;
        conditions = 0;
        frame = new Frame(frame);
        return open;
    }

    void leaveFrame(int openConditions) {
        conditions = openConditions;
        frame = frame.outer();
    }

    /** Enters (1) or leaves (-1) an if. */
    void condition(int change) {
        conditions += change;
    }

    /** The block being read assigns these names. */
    void assigned(Target target) {
        target.names().forEach(name -> frame.assign(name, conditions > 0));
    }

    /** Starts a new collection of special names; returns the one before. */
    Set<String> collectSpecialNames(Set<String> names) {
        Set<String> before = specialNames;
        specialNames = names;
        return before;
    }

    /** An expression, or several with commas between them as a tuple. */
    Expression tuple(boolean conditional, String endName) {
        return tuple(conditional, endName, false);
    }

    private Expression tuple(boolean conditional, String endName, boolean parentheses) {
        int at = tokens.current().at();
        List<Expression> items = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            if (!items.isEmpty()) {
                tokens.expectOperator(",");
            }
            if (endsTuple(endName)) {
                break;
            }
            items.add(conditional ? expression() : or());
            if (!tokens.current().isOperator(",")) {
                break;
            }
            tuple = true;
        }
        if (!tuple && !items.isEmpty()) {
            return items.get(0);
        }
        if (items.isEmpty() && !parentheses) {
            throw tokens.unexpected("an expression");
        }
        return new Expressions.Items(at, items, true);
    }

    private boolean endsTuple(String endName) {
        Token token = tokens.current();
        return token.type() == Type.VARIABLE_END || token.type() == Type.BLOCK_END || token.isOperator(")")
                || (endName != null && token.isName(endName));
    }

    /** What can be assigned to: a name, an attribute of a namespace (if allowed), or several. */
    Target target(boolean namespaces, String endName) {
        List<Target> targets = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            if (endsTuple(endName)) {
                break;
            }
            targets.add(oneTarget(namespaces));
            if (!tokens.current().isOperator(",")) {
                break;
            }
            tuple = true;
        }
        if (targets.isEmpty()) {
            throw tokens.unexpected("a name to assign to");
        }
        return tuple ? new Target.Unpacked(targets) : targets.get(0);
    }

    private Target oneTarget(boolean namespaces) {
        if (tokens.current().isOperator("(")) {
            tokens.enter();
            tokens.advance();
            Target inner = target(namespaces, null);
            tokens.expectOperator(")");
            tokens.leave();
            return inner;
        }
        String name = name();
        if (namespaces && tokens.skipOperator(".")) {
            return new Target.Attribute(name, tokens.expect(Type.NAME).text());
        }
        return new Target.Name(name);
    }

    /** A name that is not a constant. */
    String name() {
        if (CONSTANTS.contains(tokens.current().text())) {
            throw tokens.unexpected("a name to assign to");
        }
        return tokens.expect(Type.NAME).text();
    }

    /** An expression with its inline ifs. */
    Expression expression() {
        tokens.enter();
        Expression value = or();
        while (tokens.current().isName("if")) {
            int at = tokens.advance().at();
            Expression condition = or();
            Expression otherwise = tokens.skipName("else") ? expression() : null;
            value = new Expressions.Conditional(at, condition, value, otherwise);
        }
        tokens.leave();
        return value;
    }

    private Expression or() {
        Expression left = and();
        while (tokens.current().isName("or")) {
            int at = tokens.advance().at();
            left = new Expressions.Logical(at, false, left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.current().isName("and")) {
            int at = tokens.advance().at();
            left = new Expressions.Logical(at, true, left, not());
        }
        return left;
    }

    private Expression not() {
        if (!tokens.current().isName("not")) {
            return comparison();
        }
        tokens.enter();
        int at = tokens.advance().at();
        Expression operand = new Expressions.Not(at, not());
        tokens.leave();
        return operand;
    }

    private Expression comparison() {
        int at = tokens.current().at();
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> operands = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            if (token.type() == Type.OPERATOR && COMPARISONS.contains(token.text())) {
                operators.add(tokens.advance().text());
            } else if (tokens.skipName("in")) {
                operators.add("in");
            } else if (token.isName("not") && tokens.following().isName("in")) {
                tokens.advance();
                tokens.advance();
                operators.add("notin");
            } else {
                break;
            }
            operands.add(sum());
        }
        return operators.isEmpty() ? first : new Expressions.Comparison(at, first, operators, operands);
    }

    private Expression sum() {
        Expression left = concatenation();
        while (tokens.current().isOperator("+") || tokens.current().isOperator("-")) {
            Token operator = tokens.advance();
            left = new Expressions.Binary(operator.at(), operator.text(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        int at = tokens.current().at();
        List<Expression> parts = new ArrayList<>();
        parts.add(product());
        while (tokens.skipOperator("~")) {
            parts.add(product());
        }
        return parts.size() == 1 ? parts.get(0) : new Expressions.Concatenation(at, parts);
    }

    private Expression product() {
        Expression left = power();
        while (tokens.current().type() == Type.OPERATOR && Set.of("*", "/", "//", "%").contains(tokens.current().text())) {
            Token operator = tokens.advance();
            left = new Expressions.Binary(operator.at(), operator.text(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (tokens.current().isOperator("**")) {
            int at = tokens.advance().at();
            left = new Expressions.Binary(at, "**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean filters) {
        Expression value;
        if (tokens.current().isOperator("-") || tokens.current().isOperator("+")) {
            tokens.enter();
            Token sign = tokens.advance();
            value = new Expressions.Sign(sign.at(), sign.text().equals("-"), unary(false));
            tokens.leave();
        } else {
            value = primary();
        }
        value = postfix(value);
        return filters ? filtersAndTests(value) : value;
    }

    private Expression primary() {
        Token token = tokens.current();
        switch (token.type()) {
            case NAME:
                tokens.advance();
                return named(token);
            case STRING:
                StringBuilder text = new StringBuilder();
                while (tokens.current().type() == Type.STRING) {
                    text.append(tokens.advance().text());
                }
                return new Expressions.Constant(token.at(), text.toString());
            case INTEGER:
                tokens.advance();
                return new Expressions.Constant(token.at(), integer(token));
            case FLOAT:
                tokens.advance();
                return new Expressions.Constant(token.at(), Double.valueOf(token.text()));
            default:
                return bracketed(token);
        }
    }

    private Expression named(Token token) {
        return switch (token.text()) {
            case "true", "True" -> new Expressions.Constant(token.at(), true);
            case "false", "False" -> new Expressions.Constant(token.at(), false);
            case "none", "None" -> new Expressions.Constant(token.at(), null);
            default -> {
                if (Set.of("varargs", "kwargs", "caller").contains(token.text())) {
                    specialNames.add(token.text());
                }
                frame.mention(token.text());
                yield new Expressions.Name(token.at(), token.text());
            }
        };
    }

    private static Object integer(Token token) {
        String digits = token.text();
        int base = digits.length() < 2 ? 10 : switch (digits.charAt(1)) {
            case 'x', 'X' -> 16;
            case 'o', 'O' -> 8;
            case 'b', 'B' -> 2;
            default -> 10;
        };
        try {
            return Long.valueOf(base == 10 ? digits : digits.substring(2), base);
        } catch (NumberFormatException tooLarge) {
            throw new TemplateFailure("unsupported: an integer of more than 64 bits", token.at());
        }
    }

    private Expression bracketed(Token token) {
        tokens.enter();
        Expression value;
        if (tokens.skipOperator("(")) {
            value = tuple(true, null, true);
            tokens.expectOperator(")");
        } else if (tokens.skipOperator("[")) {
            List<Expression> items = new ArrayList<>();
            while (!tokens.current().isOperator("]")) {
                items.add(expression());
                if (!tokens.current().isOperator("]")) {
                    tokens.expectOperator(",");
                }
            }
            tokens.advance();
            value = new Expressions.Items(token.at(), items, false);
        } else if (tokens.skipOperator("{")) {
            value = dict(token);
        } else {
            throw tokens.unexpected("an expression");
        }
        tokens.leave();
        return value;
    }

    private Expression dict(Token open) {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.current().isOperator("}")) {
            keys.add(expression());
            tokens.expectOperator(":");
            values.add(expression());
            if (!tokens.current().isOperator("}")) {
                tokens.expectOperator(",");
            }
        }
        tokens.advance();
        return new Expressions.Dict(open.at(), keys, values);
    }

    private Expression postfix(Expression start) {
        Expression value = start;
        while (true) {
            Token token = tokens.current();
            if (tokens.skipOperator(".")) {
                value = dotted(value, token);
            } else if (tokens.skipOperator("[")) {
                value = subscript(value, token);
            } else if (token.isOperator("(")) {
                value = new Expressions.Invocation(token.at(), value, call());
            } else {
                return value;
            }
        }
    }

    private Expression dotted(Expression owner, Token dot) {
        if (tokens.current().type() == Type.INTEGER) {
            Token index = tokens.advance();
            return new Expressions.Item(dot.at(), owner, new Expressions.Constant(index.at(), integer(index)));
        }
        return new Expressions.Attribute(dot.at(), owner, tokens.expect(Type.NAME).text());
    }

    private Expression subscript(Expression owner, Token open) {
        Expression[] parts = new Expression[3];
        int colons = 0;
        while (!tokens.current().isOperator("]")) {
            if (tokens.current().isOperator(":") && colons < 2) {
                tokens.advance();
                colons++;
            } else if (parts[colons] == null) {
                parts[colons] = expression();
            } else {
                throw tokens.current().isOperator(",")
                        ? new TemplateFailure("unsupported: a subscript with several keys", tokens.current().at())
                        : tokens.unexpected("']'");
            }
        }
        if (colons == 0 && parts[0] == null) {
            throw tokens.unexpected("a key");
        }
        tokens.advance();
        return colons > 0 ? new Expressions.Slice(open.at(), owner, parts) : new Expressions.Item(open.at(), owner, parts[0]);
    }

    private Expressions.Call call() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        Expression list = null;
        Expression dict = null;
        while (!tokens.current().isOperator(")")) {
            Token token = tokens.current();
            if (list == null && dict == null && tokens.skipOperator("*")) {
                list = expression();
            } else if (dict == null && tokens.skipOperator("**")) {
                dict = expression();
            } else if (dict == null && token.type() == Type.NAME && tokens.following().isOperator("=")) {
                tokens.advance();
                tokens.advance();
                if (named.put(token.text(), expression()) != null) {
                    throw new TemplateFailure("keyword argument '" + token.text() + "' is given twice", token.at());
                }
            } else if (list == null && dict == null && named.isEmpty()) {
                positional.add(expression());
            } else {
                throw new TemplateFailure("a positional argument cannot follow keyword arguments, * or **", token.at());
            }
            if (!tokens.current().isOperator(")")) {
                tokens.expectOperator(",");
            }
        }
        tokens.advance();
        return new Expressions.Call(List.copyOf(positional), named, list, dict);
    }

    private Expression filtersAndTests(Expression start) {
        Expression value = start;
        while (true) {
            Token token = tokens.current();
            if (tokens.skipOperator("|")) {
                value = new Expressions.Filtered(value, filter());
            } else if (tokens.skipName("is")) {
                value = test(value, token);
            } else if (token.isOperator("(")) {
                value = new Expressions.Invocation(token.at(), value, call());
            } else {
                return value;
            }
        }
    }

    /** A filter's name and arguments, behind the bar. */
    Expressions.FilterCall filter() {
        Token first = tokens.current();
        String name = dottedName();
        return new Expressions.FilterCall(first.at(), name, tokens.current().isOperator("(") ? call() : Expressions.Call.NONE);
    }

    /** Names of filters and tests may have dots. */
    private String dottedName() {
        StringBuilder name = new StringBuilder(tokens.expect(Type.NAME).text());
        while (tokens.skipOperator(".")) {
            name.append('.').append(tokens.expect(Type.NAME).text());
        }
        return name.toString();
    }

    /** All filters that follow, each behind its bar. */
    List<Expressions.FilterCall> filters() {
        List<Expressions.FilterCall> filters = new ArrayList<>();
        while (tokens.skipOperator("|")) {
            filters.add(filter());
        }
        return filters;
    }

    private Expression test(Expression value, Token is) {
        boolean negated = tokens.skipName("not");
        Token first = tokens.current();
        String name = dottedName();
        Expressions.Call call = Expressions.Call.NONE;
        if (tokens.current().isOperator("(")) {
            call = call();
        } else if (startsOperand()) {
            if (tokens.current().isName("is")) {
                throw new TemplateFailure("tests cannot be chained with 'is'", tokens.current().at());
            }
            call = new Expressions.Call(List.of(postfix(primary())), Map.of(), null, null);
        }
        Expression tested = new Expressions.Tested(first.at(), value, name, call);
        return negated ? new Expressions.Not(is.at(), tested) : tested;
    }

    private boolean startsOperand() {
        Token token = tokens.current();
        return switch (token.type()) {
            case NAME -> !Set.of("else", "or", "and").contains(token.text());
            case STRING, INTEGER, FLOAT -> true;
            case OPERATOR -> token.isOperator("[") || token.isOperator("{");
            default -> false;
        };
    }
}
