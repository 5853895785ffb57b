package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.metaapo.text.template.Evaluation.Flow;
import org.metaapo.text.template.Token.Type;

/** Parses statements. */
final class Parser {
    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private int loops;

    private Parser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    static List<Statement> parse(List<Token> tokens) {
        Parser parser = new Parser(tokens);
        List<Statement> body = parser.hiding(parser.body(Set.of()));
        parser.expressions.frame().close();
        return body;
    }

    /** The statements of a block, behind one that hides the names which the block assigns first. */
    private List<Statement> hiding(List<Statement> body) {
        if (expressions.frame().hidden().isEmpty()) {
            return body;
        }
        List<Statement> all = new ArrayList<>(body.size() + 1);
        all.add(new Statements.Hide(expressions.frame()));
        all.addAll(body);
        return all;
    }

    /** Statements up to a tag that begins with one of the names, which becomes the current token. */
    private List<Statement> body(Set<String> ends) {
        tokens.enter();
        List<Statement> body = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            switch (token.type()) {
                case DATA -> body.add(new Statements.Data(token.at(), tokens.advance().text()));
                case VARIABLE_BEGIN -> {
                    tokens.advance();
                    body.add(new Statements.Print(expressions.tuple(true, null)));
                    tokens.expect(Type.VARIABLE_END);
                }
                case BLOCK_BEGIN -> {
                    tokens.advance();
                    if (tokens.current().type() == Type.NAME && ends.contains(tokens.current().text())) {
                        tokens.leave();
                        return body;
                    }
                    body.addAll(statement());
                    tokens.expect(Type.BLOCK_END);
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw tokens.unexpected(String.join(" or ", ends.stream().sorted().toList()));
                    }
                    tokens.leave();
                    return body;
                }
            }
        }
    }

    /** The body of a tag, from behind its expression up to one of the ends. */
    private List<Statement> block(String... ends) {
        tokens.skipOperator(":");
        tokens.expect(Type.BLOCK_END);
        return body(Set.of(ends));
    }

    /** As {@link #block} with a single end, which is skipped. */
    private List<Statement> closed(String end) {
        List<Statement> body = block(end);
        tokens.advance();
        return body;
    }

    /** As {@link #closed} for a body with variables of its own. */
    private List<Statement> scoped(String end, List<String> parameters) {
        int open = expressions.enterFrame();
        parameters.forEach(expressions.frame()::mention);
        List<Statement> body = hiding(closed(end));
        expressions.leaveFrame(open);
        return body;
    }

    private List<Statement> statement() {
        Token tag = tokens.expect(Type.NAME);
        return switch (tag.text()) {
            case "for" -> List.of(loop(tag));
            case "if" -> List.of(conditional(tag));
            case "set" -> List.of(assignment(tag));
            case "macro" -> List.of(macro(tag));
            case "call" -> List.of(call(tag));
            case "filter" -> {
                List<Expressions.FilterCall> filters = new ArrayList<>();
                filters.add(expressions.filter());
                filters.addAll(expressions.filters());
                yield List.of(new Statements.Captured(tag.at(), null, filters, scoped("endfilter", List.of())));
            }
            case "with" -> List.of(with(tag));
            case "generation" -> {
                int outer = loops;
                loops = 0;
                List<Statement> body = scoped("endgeneration", List.of());
                loops = outer;
                yield List.of(new Statements.Generation(tag.at(), body));
            }
            case "break" -> List.of(jump(tag, Flow.BREAK));
            case "continue" -> List.of(jump(tag, Flow.CONTINUE));
            case "print" -> print();
            default -> throw unknown(tag);
        };
    }

    private static TemplateFailure unknown(Token tag) {
        return new TemplateFailure("no tag \"" + tag.text() + "\" is supported here", tag.at());
    }

    private Statement jump(Token tag, Flow flow) {
        if (loops == 0) {
            throw new TemplateFailure("'" + tag.text() + "' outside of a loop", tag.at());
        }
        return new Statements.Jump(tag.at(), flow);
    }

    private List<Statement> print() {
        List<Statement> prints = new ArrayList<>();
        while (tokens.current().type() != Type.BLOCK_END) {
            if (!prints.isEmpty()) {
                tokens.expectOperator(",");
            }
            prints.add(new Statements.Print(expressions.expression()));
        }
        return prints;
    }

    private Statement loop(Token tag) {
        Target target = expressions.target(false, "in");
        tokens.expectName("in");
        Expression iterable = expressions.tuple(false, "recursive");
        int open = expressions.enterFrame();
        Expression condition = tokens.skipName("if") ? expressions.expression() : null;
        expressions.leaveFrame(open);
        boolean recursive = tokens.skipName("recursive");
        loops++;
        expressions.enterFrame();
        target.names().forEach(expressions.frame()::mention);
        List<Statement> body = hiding(block("endfor", "else"));
        expressions.leaveFrame(open);
        loops--;
        List<Statement> otherwise = tokens.advance().text().equals("else") ? scoped("endfor", List.of()) : List.of();
        return new Statements.For(tag.at(), target, iterable, condition, recursive, body, otherwise);
    }

    private Statement conditional(Token tag) {
        List<Statements.If.Branch> branches = new ArrayList<>();
        while (true) {
            Expression condition = expressions.tuple(false, null);
            expressions.condition(1);
            branches.add(new Statements.If.Branch(condition, block("elif", "else", "endif")));
            String end = tokens.advance().text();
            if (end.equals("else")) {
                branches.add(new Statements.If.Branch(null, closed("endif")));
            }
            expressions.condition(-1);
            if (!end.equals("elif")) {
                return new Statements.If(tag.at(), branches);
            }
        }
    }

    private Statement assignment(Token tag) {
        Target target = expressions.target(true, null);
        if (tokens.skipOperator("=")) {
            Expression value = expressions.tuple(true, null);
            expressions.assigned(target);
            return new Statements.Assign(tag.at(), target, value);
        }
        expressions.assigned(target);
        List<Expressions.FilterCall> filters = expressions.filters();
        return new Statements.Captured(tag.at(), target, filters, scoped("endset", List.of()));
    }

    private Statement with(Token tag) {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (tokens.current().type() != Type.BLOCK_END && !tokens.current().isOperator(":")) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            targets.add(new Target.Name(expressions.name()));
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        List<String> names = targets.stream().flatMap(target -> target.names().stream()).toList();
        return new Statements.With(tag.at(), targets, values, scoped("endwith", names));
    }

    private record Signature(List<String> parameters, List<Expression> defaults) {}

    private Signature signature() {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        while (!tokens.current().isOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            Token token = tokens.current();
            String name = expressions.name();
            if (parameters.contains(name)) {
                throw new TemplateFailure("parameter '" + name + "' is there twice", token.at());
            }
            parameters.add(name);
            if (tokens.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw new TemplateFailure("parameter '" + name + "' without a default follows one with a default", token.at());
            }
        }
        tokens.advance();
        return new Signature(parameters, defaults);
    }

    private Statement macro(Token tag) {
        String name = expressions.name();
        expressions.assigned(new Target.Name(name));
        Set<String> outerNames = expressions.collectSpecialNames(new HashSet<>());
        tokens.expectOperator("(");
        Signature signature = signature();
        return new Statements.DefineMacro(tag.at(), name, definition(signature, "endmacro", outerNames));
    }

    private Statement call(Token tag) {
        Set<String> ownNames = new HashSet<>();
        Set<String> outerNames = expressions.collectSpecialNames(ownNames);
        Signature signature =
                tokens.skipOperator("(") ? signature() : new Signature(List.of(), List.of());
        expressions.collectSpecialNames(outerNames);
        if (!(expressions.expression() instanceof Expressions.Invocation invocation)) {
            throw new TemplateFailure("expected a call", tag.at());
        }
        expressions.collectSpecialNames(ownNames);
        return new Statements.CallBlock(tag.at(), invocation, definition(signature, "endcall", outerNames));
    }

    /** The body of a macro. What it reads counts for the macro around it as well. */
    private Macro.Definition definition(Signature signature, String end, Set<String> outerNames) {
        int outerLoops = loops;
        loops = 0;
        List<Statement> body = scoped(end, signature.parameters());
        loops = outerLoops;
        Set<String> used = expressions.collectSpecialNames(outerNames);
        outerNames.addAll(used);
        return new Macro.Definition(signature.parameters(), signature.defaults(), body, used);
    }
}
