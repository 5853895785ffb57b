package org.metaapo.files;

/** Texts of others in messages of one line. */
public final class OneLine {
    private OneLine() {}

    /** A text's start, on one line and without control characters. */
    public static String of(String text, int most) {
        String line = text.strip().replaceAll("[\\s\\p{Cntrl}]+", " ");
        return line.length() <= most ? line : line.substring(0, most) + "…";
    }
}
