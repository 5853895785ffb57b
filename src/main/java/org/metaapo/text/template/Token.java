package org.metaapo.text.template;

/**
 * A piece of template source.
 *
 * @param text the data, the name, the operator, the unescaped string or the digits of a number
 * @param at offset in the source with normalised newlines
 */
record Token(Type type, String text, int at) {
    enum Type {
        DATA,
        BLOCK_BEGIN,
        BLOCK_END,
        VARIABLE_BEGIN,
        VARIABLE_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean isName(String name) {
        return type == Type.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return type == Type.OPERATOR && text.equals(operator);
    }

    /** For messages. */
    String describe() {
        return switch (type) {
            case DATA -> "text";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case VARIABLE_BEGIN -> "'{{'";
            case VARIABLE_END -> "'}}'";
            case END -> "the end of the template";
            default -> "'" + (text.length() > 40 ? text.substring(0, 39) + "…" : text) + "'";
        };
    }
}
