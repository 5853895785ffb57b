package org.metaapo.text.template;

/** A node that does something. */
abstract class Statement {
    /** Offset in the normalised source. */
    final int at;

    Statement(int at) {
        this.at = at;
    }

    /** Does it; a failure is placed here unless a node below has placed it. */
    final Evaluation.Flow run(Evaluation evaluation) {
        try {
            evaluation.budget.step();
            return execute(evaluation);
        } catch (TemplateFailure failure) {
            throw failure.placed(at);
        }
    }

    abstract Evaluation.Flow execute(Evaluation evaluation);
}
