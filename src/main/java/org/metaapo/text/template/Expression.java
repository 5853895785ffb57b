package org.metaapo.text.template;

/** A parsed expression. */
interface Expression {
    Object evaluate(Context context);
}
