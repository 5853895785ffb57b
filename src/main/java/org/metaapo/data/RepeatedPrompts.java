package org.metaapo.data;

import java.util.HashSet;
import java.util.Set;

/** Tells prompts that were seen before: those with equal turns, tools, documents and template variables. */
public final class RepeatedPrompts {
    /** Why {@code data.repeated_prompts: drop} leaves a row out. */
    public static final String REASON = "prompt of an earlier row";

    private final Set<String> digests = new HashSet<>();

    /** Remembers a prompt; whether it was seen before. */
    public boolean seen(Prompt prompt) {
        return seen(RowCodec.promptDigest(prompt));
    }

    boolean seen(String promptDigest) {
        return !digests.add(promptDigest);
    }
}
