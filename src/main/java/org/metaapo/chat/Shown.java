package org.metaapo.chat;

/** Text of a model as a terminal may get it: what would move its cursor or change its state is shown, not done. */
final class Shown {
    private static final int PICTURES = 0x2400;
    private static final char DELETE_PICTURE = '\u2421';

    private Shown() {}

    /** Without carriage returns; of other control characters but tabs and ends of lines, their pictures. */
    static String text(String text) {
        if (text.chars().noneMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t')) {
            return text;
        }
        StringBuilder shown = new StringBuilder();
        text.chars().forEach(c -> {
            if (!Character.isISOControl(c) || c == '\n' || c == '\t') {
                shown.append((char) c);
            } else if (c < ' ' && c != '\r') {
                shown.append((char) (PICTURES + c));
            } else if (c != '\r') {
                shown.append(c == 0x7F ? DELETE_PICTURE : '\uFFFD');
            }
        });
        return shown.toString();
    }
}
