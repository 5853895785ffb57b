package org.metaapo.text.template;

import java.util.List;

/** Tokens with one ahead, for the parsers. */
final class TokenStream {
    private final List<Token> tokens;
    private int at;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    Token peek() {
        return tokens.get(at);
    }

    Token peekSecond() {
        return tokens.get(Math.min(at + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = tokens.get(at);
        if (at + 1 < tokens.size()) {
            at++;
        }
        return token;
    }

    boolean isOperator(String text) {
        return peek().is(Token.Kind.OPERATOR, text);
    }

    boolean isName(String text) {
        return peek().is(Token.Kind.NAME, text);
    }

    boolean skipOperator(String text) {
        boolean found = isOperator(text);
        if (found) {
            next();
        }
        return found;
    }

    boolean skipName(String text) {
        boolean found = isName(text);
        if (found) {
            next();
        }
        return found;
    }

    void expectOperator(String text) {
        if (!skipOperator(text)) {
            throw error("expected \"" + text + "\", found " + shown(peek()));
        }
    }

    String expectName() {
        if (peek().kind() != Token.Kind.NAME) {
            throw error("expected a name, found " + shown(peek()));
        }
        return next().text();
    }

    void expect(Token.Kind kind) {
        if (peek().kind() != kind) {
            throw error("expected the end of the tag, found " + shown(peek()));
        }
        next();
    }

    TemplateError error(String message) {
        return new TemplateError(message, peek().line(), peek().column());
    }

    static String shown(Token token) {
        return switch (token.kind()) {
            case END -> "the end of the template";
            case BLOCK_END, EXPRESSION_END -> "the end of the tag";
            default -> "\"" + token.text() + "\"";
        };
    }
}
