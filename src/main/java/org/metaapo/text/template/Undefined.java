package org.metaapo.text.template;

/**
 * What a missing name or member evaluates to: empty when printed or iterated, false, and an error when used further.
 *
 * @param name what was missing
 */
record Undefined(String name) {}
