/** Length and Markdown of answers, and how two answers differ in them. */
package org.metaapo.evaluate.style;
