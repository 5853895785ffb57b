package org.metaapo.text.template;

/**
 * A piece of a template.
 *
 * @param kind what it is
 * @param text its text; of a string its value
 * @param line from 1
 * @param column from 1
 */
record Token(Kind kind, String text, int line, int column) {
    enum Kind {
        /** Text outside of tags. */
        DATA,
        /** The start of an expression tag. */
        EXPRESSION_BEGIN,
        EXPRESSION_END,
        /** The start of a statement tag. */
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        INTEGER,
        FLOAT,
        STRING,
        OPERATOR,
        END
    }

    boolean is(Kind expected, String value) {
        return kind == expected && text.equals(value);
    }
}
