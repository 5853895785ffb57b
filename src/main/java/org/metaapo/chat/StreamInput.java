package org.metaapo.chat;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.metaapo.error.DataException;
import org.metaapo.files.StrictText;

/** Messages from a stream, a line each; of several lines between {@code """} and {@code """}. */
public class StreamInput implements ChatInput {
    private final InputStream in;
    private final String where;
    private final Runnable prompt;
    private long line;

    /**
     * Messages from a stream.
     *
     * @param where its name, for messages
     * @param prompt shown before each message is read; null where nobody types them
     */
    public StreamInput(InputStream in, String where, Runnable prompt) {
        this.in = new BufferedInputStream(in);
        this.where = where;
        this.prompt = prompt;
    }

    @Override
    public boolean isInteractive() {
        return prompt != null;
    }

    @Override
    public String next() {
        if (prompt != null) {
            prompt.run();
        }
        String text = readLine();
        long first = line;
        while (text != null && Quoted.isOpen(text)) {
            String more = readLine();
            if (more == null) {
                throw new DataException(where + ": line " + first + ": \"\"\" opens a text that nothing closes");
            }
            text += "\n" + more;
        }
        return text;
    }

    private String readLine() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            int b = in.read();
            if (b < 0) {
                return null;
            }
            for (; b >= 0 && b != '\n'; b = in.read()) {
                bytes.write(b);
            }
        } catch (IOException e) {
            throw new DataException(where + ": cannot be read: " + e.getMessage(), e);
        }
        line++;
        String text = StrictText.decode(bytes.toByteArray(), 0, bytes.size(), where, line);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    @Override
    public void close() {
        // The stream is its owner's.
    }
}
