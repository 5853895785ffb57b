package org.metaapo.text.template;

/** A parsed piece of a template that writes or sets something. */
interface Statement {
    void run(Context context);
}
