/** From messages to token ids: tokenizer, chat template, and where the answer begins. */
package org.metaapo.text;
