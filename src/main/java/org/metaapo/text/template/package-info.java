/**
 * A sandboxed interpreter for the part of Jinja that chat templates use, with jinja2's semantics as transformers sets them
 * ({@code trim_blocks}, {@code lstrip_blocks}, loop controls). Values are strings, numbers, booleans, lists and maps; no
 * Java object, no file and no attribute of either can be reached from a template, and text of messages is never
 * interpreted. Steps, output and recursion are limited.
 */
package org.metaapo.text.template;
