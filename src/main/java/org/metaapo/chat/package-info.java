/** Talk with a model, or with two at once: the conversation, its commands, and how answers are shown. */
package org.metaapo.chat;
