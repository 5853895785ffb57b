package org.metaapo.files;

import java.nio.file.Path;

/** {@code ~} at the start of a path is the home folder, where no shell has put it in. */
public final class HomeFolder {
    private HomeFolder() {}

    /** The path with its home folder; that of another user, {@code ~name}, is left as it is. */
    public static String expanded(String path) {
        return path.equals("~") || path.startsWith("~/") ? home() + path.substring(1) : path;
    }

    /** As a shell has it: HOME goes before the system's list of users. */
    private static String home() {
        String home = System.getenv("HOME");
        return home == null || home.isEmpty() ? System.getProperty("user.home") : home;
    }
}
