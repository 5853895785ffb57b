package org.metaapo.chat;

import java.util.function.Consumer;
import org.metaapo.error.DataException;
import org.metaapo.error.NumericException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;

/** Reads messages and commands to their end. */
public final class ChatLoop {
    private ChatLoop() {}

    /**
     * Talks until somebody leaves.
     *
     * @param say hears what was refused, where a person can mend it; else the first refusal ends the chat
     */
    public static void run(ChatInput input, ChatCommands commands, Consumer<String> say) {
        boolean goesOn = true;
        while (goesOn) {
            String line = input.next();
            if (line == null) {
                return;
            }
            try {
                goesOn = commands.run(line);
            } catch (UsageException | DataException | NumericException | RunFailedException e) {
                if (!input.isInteractive()) {
                    throw e;
                }
                say.accept(e.getMessage());
            }
        }
    }
}
