package org.metaapo.config;

/** This program. */
public final class Program {
    /** Its name and version. */
    public static final String VERSION = "metaapo 0.1.0";

    private Program() {}
}
