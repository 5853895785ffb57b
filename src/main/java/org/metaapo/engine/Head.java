package org.metaapo.engine;

/** What stands on top of the transformer. */
public enum Head {
    /** Language-model head: logits over the vocabulary ({@code *ForCausalLM}). */
    LM,
    /** One score from the last token's hidden state ({@code *ForSequenceClassification} with one label). */
    VALUE
}
