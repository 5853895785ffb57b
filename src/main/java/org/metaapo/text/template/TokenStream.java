package org.metaapo.text.template;

import java.util.List;
import org.metaapo.text.template.Token.Type;

/** The tokens of a template, read one after the other, and how deep the parser is in them. */
final class TokenStream {
    private static final int DEEPEST = 200;

    private final List<Token> tokens;
    private int next;
    private int depth;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token current() {
        return tokens.get(next);
    }

    Token following() {
        return tokens.get(Math.min(next + 1, tokens.size() - 1));
    }

    Token advance() {
        Token token = tokens.get(next);
        next = Math.min(next + 1, tokens.size() - 1);
        return token;
    }

    boolean skipName(String name) {
        boolean found = current().isName(name);
        if (found) {
            advance();
        }
        return found;
    }

    boolean skipOperator(String operator) {
        boolean found = current().isOperator(operator);
        if (found) {
            advance();
        }
        return found;
    }

    Token expect(Type type) {
        if (current().type() != type) {
            String wanted = switch (type) {
                case NAME -> "a name";
                case BLOCK_END -> "'%}'";
                case VARIABLE_END -> "'}}'";
                default -> type.toString();
            };
            throw unexpected(wanted);
        }
        return advance();
    }

    Token expectOperator(String operator) {
        if (!current().isOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
        return advance();
    }

    void expectName(String name) {
        if (!current().isName(name)) {
            throw unexpected("'" + name + "'");
        }
        advance();
    }

    TemplateFailure unexpected(String wanted) {
        return new TemplateFailure("expected " + wanted + ", found " + current().describe(), current().at());
    }

    void enter() {
        if (++depth > DEEPEST) {
            throw new TemplateFailure("template source nested deeper than " + DEEPEST + " levels", current().at());
        }
    }

    void leave() {
        depth--;
    }
}
