package org.metaapo.files;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.error.DataException;

/** What lies where a file should be when a download brought something else: a Git LFS pointer, or a web page. */
public final class StandIn {
    /** Bytes from a file's beginning that suffice to tell. */
    public static final int BYTES = 512;

    private static final String POINTER = "version https://git-lfs.github.com/spec/";
    private static final Pattern SIZE = Pattern.compile("\nsize (\\d{1,18})(\n|$)");

    private StandIn() {}

    /**
     * Looks at the beginning of a file.
     *
     * @param start its first bytes, at most {@link #BYTES} of which are read
     * @param where names the file in the message
     * @throws DataException if it is such a stand-in
     */
    public static void refuse(byte[] start, String where) {
        String text = new String(start, 0, Math.min(start.length, BYTES), StandardCharsets.ISO_8859_1);
        if (text.startsWith(POINTER)) {
            Matcher size = SIZE.matcher(text);
            throw new DataException(where + ": a Git LFS pointer in place of the file itself"
                    + (size.find() ? ", which has " + size.group(1) + " bytes" : "")
                    + "; fetch it with git lfs pull, or download the file again");
        }
        String head = text.stripLeading().toLowerCase(Locale.ROOT);
        if (head.startsWith("<!doctype html") || head.startsWith("<html")) {
            throw new DataException(where + ": a web page (HTML) in place of the file itself; download the file again, by its own address");
        }
    }
}
