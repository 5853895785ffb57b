package org.metaapo.chat;

import org.metaapo.inspect.TextLayout;

/** Text of a model as a terminal may get it: what would move its cursor or change its state is shown, not done. */
final class Shown {
    private Shown() {}

    /** Without carriage returns; what else no eye sees, but tabs and ends of lines, as {@link TextLayout#visible} shows it. */
    static String text(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().filter(c -> c != '\r').forEach(c -> shown.append(c == '\n' || c == '\t' ? Character.toString(c) : TextLayout.visible(c)));
        return shown.toString();
    }
}
