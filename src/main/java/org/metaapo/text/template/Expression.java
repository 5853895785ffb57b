package org.metaapo.text.template;

/** A node that has a value. */
abstract class Expression {
    /** Offset in the normalised source. */
    final int at;

    Expression(int at) {
        this.at = at;
    }

    /** The value; a failure is placed here unless a node below has placed it. */
    final Object value(Evaluation evaluation) {
        try {
            evaluation.budget.step();
            return evaluate(evaluation);
        } catch (TemplateFailure failure) {
            throw failure.placed(at);
        }
    }

    abstract Object evaluate(Evaluation evaluation);
}
