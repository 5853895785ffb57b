package org.metaapo.inspect;

import java.util.List;

/**
 * Something about the data or the template that hurts a run, or may.
 *
 * @param name stable name, such as "truncated-answers"
 * @param error whether {@code --check} fails for it; else it is a warning
 * @param message what, how often, and what follows from it
 * @param advice what to do
 * @param examples where: file and row
 */
record Finding(String name, boolean error, String message, String advice, List<String> examples) {}
