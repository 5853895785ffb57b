package org.metaapo.chat;

/** Where messages and commands come from. */
public interface ChatInput extends AutoCloseable {
    /** The next one, of several lines where it was written so; null where there is no other. */
    String next();

    /** Whether a person types them, who can mend what was refused. */
    boolean isInteractive();

    @Override
    void close();
}
