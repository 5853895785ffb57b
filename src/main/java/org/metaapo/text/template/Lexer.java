package org.metaapo.text.template;

import java.util.ArrayList;
import java.util.List;

/** Cuts a template into tokens; whitespace control, trim_blocks and lstrip_blocks are done here. */
final class Lexer {
    private static final List<String> OPERATORS = List.of(
            "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}",
            ".", ",", ":", "|");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private int line = 1;
    private int lineStart;

    private Lexer(String source) {
        this.source = source;
    }

    static List<Token> tokens(String template) {
        String unix = template.replace("\r\n", "\n").replace('\r', '\n');
        // jinja2 drops one newline at the end of a template
        return new Lexer(unix.endsWith("\n") ? unix.substring(0, unix.length() - 1) : unix).run();
    }

    private List<Token> run() {
        boolean trimNext = false;
        while (at < source.length()) {
            trimNext = data(trimNext);
            if (at >= source.length()) {
                break;
            }
            char kind = source.charAt(at + 1);
            if (kind == '#') {
                trimNext = comment();
            } else if (kind == '{') {
                trimNext = tag(Token.Kind.EXPRESSION_BEGIN, Token.Kind.EXPRESSION_END, "}}");
            } else {
                trimNext = tag(Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END, "%}");
                trimNext = raw(trimNext);
            }
        }
        add(Token.Kind.END, "");
        return tokens;
    }

    private void add(Token.Kind kind, String text) {
        tokens.add(new Token(kind, text, line, at - lineStart + 1));
    }

    private TemplateError error(String message) {
        return new TemplateError(message, line, at - lineStart + 1);
    }

    private void advance(int count) {
        for (int end = at + count; at < end; at++) {
            if (source.charAt(at) == '\n') {
                line++;
                lineStart = at + 1;
            }
        }
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            char next = source.charAt(i + 1);
            if (next == '{' || next == '%' || next == '#') {
                return i;
            }
        }
        return source.length();
    }

    /** Text up to the next tag; `trim` is whether a "-" before it eats its leading whitespace. */
    private boolean data(boolean trim) {
        int end = nextTag(at);
        String text = source.substring(at, end);
        if (trim) {
            text = text.stripLeading();
        }
        if (end < source.length()) {
            char mark = end + 2 < source.length() ? source.charAt(end + 2) : ' ';
            if (mark == '-') {
                text = text.stripTrailing();
            } else if (mark != '+' && source.charAt(end + 1) != '{') {
                text = stripIndent(text, end);
            }
        }
        if (!text.isEmpty()) {
            add(Token.Kind.DATA, text);
        }
        advance(end - at);
        return false;
    }

    /** lstrip_blocks: blanks between the start of a line and a block or comment vanish. */
    private String stripIndent(String text, int tagAt) {
        int i = tagAt;
        while (i > at && (source.charAt(i - 1) == ' ' || source.charAt(i - 1) == '\t')) {
            i--;
        }
        boolean lineBegins = i == 0 || source.charAt(i - 1) == '\n';
        int blanks = Math.min(tagAt - i, text.length());
        return lineBegins ? text.substring(0, text.length() - blanks) : text;
    }

    private boolean comment() {
        int close = source.indexOf("#}", at + 2);
        if (close < 0) {
            throw error("a comment is not closed; expected #}");
        }
        boolean trim = source.charAt(close - 1) == '-' && close - 1 >= at + 2;
        advance(close + 2 - at);
        if (!trim && source.charAt(close - 1) != '+') {
            skipNewline();
        }
        return trim;
    }

    /** trim_blocks: the newline right after a block or comment vanishes. */
    private void skipNewline() {
        if (at < source.length() && source.charAt(at) == '\n') {
            advance(1);
        }
    }

    private boolean tag(Token.Kind begin, Token.Kind end, String closing) {
        add(begin, "");
        advance(2);
        if (at < source.length() && (source.charAt(at) == '-' || source.charAt(at) == '+')) {
            advance(1);
        }
        int depth = 0;
        while (true) {
            while (at < source.length() && Character.isWhitespace(source.charAt(at))) {
                advance(1);
            }
            if (at >= source.length()) {
                throw error("a tag is not closed; expected " + closing);
            }
            boolean minus = source.startsWith("-" + closing, at);
            boolean plus = source.startsWith("+" + closing, at);
            if (depth == 0 && (minus || plus || source.startsWith(closing, at))) {
                add(end, "");
                advance((minus || plus ? 1 : 0) + closing.length());
                if (begin == Token.Kind.BLOCK_BEGIN && !minus && !plus) {
                    skipNewline();
                }
                return minus;
            }
            depth += expressionToken();
        }
    }

    /** One token of an expression; returns by how much it nests. */
    private int expressionToken() {
        char c = source.charAt(at);
        if (Character.isLetter(c) || c == '_') {
            int end = at;
            while (end < source.length() && (Character.isLetterOrDigit(source.charAt(end)) || source.charAt(end) == '_')) {
                end++;
            }
            add(Token.Kind.NAME, source.substring(at, end));
            advance(end - at);
            return 0;
        }
        if (c >= '0' && c <= '9') {
            number();
            return 0;
        }
        if (c == '"' || c == '\'') {
            string(c);
            return 0;
        }
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                add(Token.Kind.OPERATOR, operator);
                advance(operator.length());
                return "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
            }
        }
        throw error("unexpected character \"" + c + "\"");
    }

    private void number() {
        int end = at;
        while (end < source.length() && (isDigit(end) || source.charAt(end) == '_')) {
            end++;
        }
        boolean isFloat = false;
        if (end + 1 < source.length() && source.charAt(end) == '.' && isDigit(end + 1)) {
            isFloat = true;
            end++;
            while (end < source.length() && isDigit(end)) {
                end++;
            }
        }
        if (end + 1 < source.length() && (source.charAt(end) == 'e' || source.charAt(end) == 'E')) {
            int digits = end + 1;
            if (source.charAt(digits) == '+' || source.charAt(digits) == '-') {
                digits++;
            }
            if (digits < source.length() && isDigit(digits)) {
                isFloat = true;
                end = digits;
                while (end < source.length() && isDigit(end)) {
                    end++;
                }
            }
        }
        add(isFloat ? Token.Kind.FLOAT : Token.Kind.INTEGER, source.substring(at, end).replace("_", ""));
        advance(end - at);
    }

    private boolean isDigit(int index) {
        return source.charAt(index) >= '0' && source.charAt(index) <= '9';
    }

    private void string(char quote) {
        StringBuilder value = new StringBuilder();
        int i = at + 1;
        while (true) {
            if (i >= source.length()) {
                throw error("a string is not closed");
            }
            char c = source.charAt(i);
            if (c == quote) {
                break;
            }
            if (c == '\\' && i + 1 < source.length()) {
                i = escape(i + 1, value);
            } else {
                value.append(c);
                i++;
            }
        }
        add(Token.Kind.STRING, value.toString());
        advance(i + 1 - at);
    }

    /** Python's escapes; returns the index after it. */
    private int escape(int i, StringBuilder value) {
        char c = source.charAt(i);
        switch (c) {
            case 'n' -> value.append('\n');
            case 't' -> value.append('\t');
            case 'r' -> value.append('\r');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case 'a' -> value.append('\u0007');
            case 'v' -> value.append('\u000b');
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int end = i;
                while (end < source.length() && end < i + 3 && source.charAt(end) >= '0' && source.charAt(end) <= '7') {
                    end++;
                }
                value.append((char) Integer.parseInt(source.substring(i, end), 8));
                return end;
            }
            case '\\', '\'', '"' -> value.append(c);
            case '\n' -> { }
            case 'x' -> {
                return hex(i + 1, 2, value);
            }
            case 'u' -> {
                return hex(i + 1, 4, value);
            }
            case 'U' -> {
                return hex(i + 1, 8, value);
            }
            default -> value.append('\\').append(c);
        }
        return i + 1;
    }

    private int hex(int i, int digits, StringBuilder value) {
        try {
            int code = Integer.parseInt(source.substring(i, i + digits), 16);
            value.appendCodePoint(code);
            return i + digits;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw error("a string escape needs " + digits + " hexadecimal digits");
        }
    }

    /** After a raw tag: the text up to endraw, as it is. */
    private boolean raw(boolean trim) {
        int size = tokens.size();
        if (size < 3 || !tokens.get(size - 2).is(Token.Kind.NAME, "raw") || tokens.get(size - 3).kind() != Token.Kind.BLOCK_BEGIN) {
            return trim;
        }
        java.util.regex.Matcher end =
                java.util.regex.Pattern.compile("\\{%([-+]?)\\s*endraw\\s*([-+]?)%}").matcher(source);
        if (!end.find(at)) {
            throw error("raw is not closed; expected endraw");
        }
        tokens.subList(size - 3, size).clear();
        String text = source.substring(at, end.start());
        text = trim ? text.stripLeading() : text;
        text = end.group(1).equals("-") ? text.stripTrailing() : text;
        if (end.group(1).isEmpty()) {
            text = stripIndent(text, end.start());
        }
        add(Token.Kind.DATA, text);
        advance(end.end() - at);
        if (end.group(2).isEmpty()) {
            skipNewline();
        }
        return end.group(2).equals("-");
    }
}
