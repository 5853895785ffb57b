package org.metaapo.text.template;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.text.template.Token.Type;

/**
 * Cuts template source into tokens, with the whitespace rules of jinja2 when {@code trim_blocks} and
 * {@code lstrip_blocks} are on and {@code keep_trailing_newline} is off.
 */
final class Lexer {
    private static final Pattern RAW_BEGIN = Pattern.compile("\\{%([-+]?)\\s*raw\\s*(-%}\\s*|%})", space());
    private static final Pattern RAW_END =
            Pattern.compile("\\{%([-+]?)\\s*endraw\\s*(?:\\+%}|-%}\\s*|%}\\n?)", space());
    private static final Pattern COMMENT_END = Pattern.compile("\\+#}|-#}\\s*|#}\\n?", space());
    private static final Pattern BLOCK_END = Pattern.compile("\\+%}|-%}\\s*|%}\\n?", space());
    private static final Pattern VARIABLE_END = Pattern.compile("-}}\\s*|}}", space());
    private static final Pattern SPACE = Pattern.compile("\\s+", space());
    private static final Pattern FLOAT = Pattern.compile(
            "(?<!\\.)(?:[0-9]+_)*[0-9]+(?:(?:\\.(?:[0-9]+_)*[0-9]+)?[eE][+-]?(?:[0-9]+_)*[0-9]+|\\.(?:[0-9]+_)*[0-9]+)");
    private static final Pattern INTEGER = Pattern.compile(
            "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*");
    private static final Pattern NAME = Pattern.compile("\\w+", space());
    private static final Pattern OPERATOR =
            Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private int at;
    private boolean lineStarting = true;

    private Lexer(String source) {
        this.source = source;
    }

    private static int space() {
        return Pattern.UNICODE_CHARACTER_CLASS;
    }

    /** Newlines become {@code \n}, and one newline at the end is dropped. */
    static String normalise(String source) {
        String text = source.replace("\r\n", "\n").replace('\r', '\n');
        return text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** All tokens of a normalised source; the last one is {@link Type#END}. */
    static List<Token> tokens(String normalised) {
        Lexer lexer = new Lexer(normalised);
        lexer.root();
        return lexer.tokens;
    }

    private void root() {
        while (at < source.length()) {
            int open = nextOpening(at);
            if (open < 0) {
                data(source.substring(at), at);
                at = source.length();
                break;
            }
            char kind = source.charAt(open + 1);
            Matcher raw = RAW_BEGIN.matcher(source).region(open, source.length());
            boolean isRaw = kind == '%' && raw.lookingAt();
            int sign = open + 2 < source.length() ? source.charAt(open + 2) : 0;
            boolean signed = sign == '-' || sign == '+';
            data(stripped(source.substring(at, open), signed ? sign : 0, kind != '{'), at);
            lineStarting = false;
            if (isRaw) {
                at = raw.end();
                lineStarting = source.charAt(at - 1) == '\n';
                raw(open);
            } else {
                at = open + (signed ? 3 : 2);
                if (kind == '#') {
                    comment(open);
                } else {
                    tag(open, kind == '%');
                }
            }
        }
        tokens.add(new Token(Type.END, "", source.length()));
    }

    private int nextOpening(int from) {
        for (int open = source.indexOf('{', from); open >= 0; open = source.indexOf('{', open + 1)) {
            if (open + 1 < source.length() && "{%#".indexOf(source.charAt(open + 1)) >= 0) {
                return open;
            }
        }
        return -1;
    }

    /** The text before a tag, as {@code -} or {@code lstrip_blocks} leaves it. */
    private String stripped(String text, int sign, boolean block) {
        if (sign == '-') {
            return PyText.rstrip(text, null);
        }
        if (sign != '+' && block) {
            int lineStart = text.lastIndexOf('\n') + 1;
            if ((lineStart > 0 || lineStarting) && PyText.isBlank(text, lineStart)) {
                return text.substring(0, lineStart);
            }
        }
        return text;
    }

    private void data(String text, int position) {
        if (!text.isEmpty()) {
            tokens.add(new Token(Type.DATA, text, position));
        }
    }

    private void comment(int open) {
        Matcher end = COMMENT_END.matcher(source);
        if (!end.find(at)) {
            throw new TemplateFailure("comment without its end '#}'", open);
        }
        finish(end.end());
    }

    private void raw(int open) {
        Matcher end = RAW_END.matcher(source);
        if (!end.find(at)) {
            throw new TemplateFailure("'raw' without its 'endraw'", open);
        }
        String sign = end.group(1);
        data(stripped(source.substring(at, end.start()), sign.isEmpty() ? 0 : sign.charAt(0), true), at);
        finish(end.end());
    }

    private void finish(int end) {
        at = end;
        lineStarting = source.charAt(end - 1) == '\n';
    }

    private void tag(int open, boolean block) {
        tokens.add(new Token(block ? Type.BLOCK_BEGIN : Type.VARIABLE_BEGIN, "", open));
        Matcher end = (block ? BLOCK_END : VARIABLE_END).matcher(source);
        Deque<Character> brackets = new ArrayDeque<>();
        while (at < source.length()) {
            if (brackets.isEmpty() && lookingAt(end)) {
                tokens.add(new Token(block ? Type.BLOCK_END : Type.VARIABLE_END, "", at));
                finish(end.end());
                return;
            }
            Token token = next();
            if (token != null) {
                if (token.type() == Type.OPERATOR) {
                    balance(brackets, token);
                }
                tokens.add(token);
            }
        }
    }

    private boolean lookingAt(Matcher matcher) {
        // Transparent bounds let a look-behind see what was read before.
        return matcher.region(at, source.length()).useTransparentBounds(true).lookingAt();
    }

    private Token next() {
        int start = at;
        Matcher matcher = SPACE.matcher(source);
        if (lookingAt(matcher)) {
            at = matcher.end();
            return null;
        }
        if (lookingAt(matcher.usePattern(FLOAT))) {
            return token(Type.FLOAT, start, matcher.end());
        }
        if (lookingAt(matcher.usePattern(INTEGER))) {
            return token(Type.INTEGER, start, matcher.end());
        }
        if (lookingAt(matcher.usePattern(NAME))) {
            if (!PyText.isIdentifier(matcher.group())) {
                throw new TemplateFailure("'" + matcher.group() + "' is not a name", start);
            }
            return token(Type.NAME, start, matcher.end());
        }
        char first = source.charAt(at);
        if (first == '\'' || first == '"') {
            return string(first);
        }
        if (lookingAt(matcher.usePattern(OPERATOR))) {
            return token(Type.OPERATOR, start, matcher.end());
        }
        String found = new String(Character.toChars(source.codePointAt(at)));
        throw new TemplateFailure("unexpected character " + Repr.of(found), start);
    }

    private Token token(Type type, int start, int end) {
        at = end;
        String text = source.substring(start, end);
        return new Token(type, type == Type.INTEGER || type == Type.FLOAT ? text.replace("_", "") : text, start);
    }

    private Token string(char quote) {
        int start = at;
        int end = start + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw new TemplateFailure("a string is not closed by " + quote, start);
        }
        at = end + 1;
        return new Token(Type.STRING, Escapes.unescape(source.substring(start + 1, end), start), start);
    }

    private static void balance(Deque<Character> brackets, Token token) {
        char operator = token.text().charAt(0);
        switch (operator) {
            case '{' -> brackets.push('}');
            case '(' -> brackets.push(')');
            case '[' -> brackets.push(']');
            case '}', ')', ']' -> {
                if (brackets.isEmpty()) {
                    throw new TemplateFailure("unexpected '" + operator + "'", token.at());
                }
                char expected = brackets.pop();
                if (expected != operator) {
                    throw new TemplateFailure("unexpected '" + operator + "', expected '" + expected + "'", token.at());
                }
            }
            default -> {}
        }
    }
}
