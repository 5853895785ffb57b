/**
 * A sandboxed interpreter for the part of the Jinja language that chat templates use.
 *
 * <p>It follows jinja2 as transformers configures it: {@code trim_blocks}, {@code lstrip_blocks}, loop controls,
 * {@code raise_exception}, {@code strftime_now} and a {@code tojson} that does not escape HTML. Values are text,
 * integers, floats, booleans, none, lists, tuples and dicts; no Java object can be reached from a template. Steps,
 * output and recursion are limited, and text that comes from a value is never interpreted. What is not supported is
 * named, with line and column, before anything is rendered.
 */
package org.metaapo.text.template;
