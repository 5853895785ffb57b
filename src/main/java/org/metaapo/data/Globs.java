package org.metaapo.data;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.metaapo.error.DataException;

/**
 * Patterns of file names as {@code datasets} reads them: {@code *} and {@code ?} stay within a folder's name, {@code **} does not,
 * <code>**&#47;</code> is any number of folders, none included.
 */
final class Globs {
    private Globs() {}

    /** Fits whole paths, relative and with slashes. */
    static Pattern compile(String glob) {
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < glob.length(); i++) {
            char c = glob.charAt(i);
            int end = c == '[' ? glob.indexOf(']', i + 2) : -1;
            if (glob.startsWith("**/", i) && (i == 0 || glob.charAt(i - 1) == '/')) {
                regex.append("(?:.*/)?");
                i += 2;
            } else if (glob.startsWith("**", i)) {
                regex.append(".*");
                i++;
            } else if (c == '*' || c == '?') {
                regex.append(c == '*' ? "[^/]*" : "[^/]");
            } else if (end > 0) {
                String members = glob.substring(i + 1, end).replace("\\", "\\\\").replace("[", "\\[").replace("&", "\\&");
                regex.append('[').append(members.startsWith("!") ? "^" + members.substring(1) : members).append(']');
                i = end;
            } else {
                regex.append(Pattern.quote(String.valueOf(c)));
            }
        }
        try {
            return Pattern.compile(regex.toString());
        } catch (PatternSyntaxException e) {
            throw new DataException("the pattern " + glob + " cannot be read: " + e.getDescription(), e);
        }
    }
}
