package org.metaapo.files;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;

/** Where the golden data lies. */
public final class Fixtures {
    private Fixtures() {}

    /** Path of a file or folder below {@code src/test/resources/fixtures}. */
    public static Path path(String name) {
        URL url = Fixtures.class.getResource("/fixtures/" + name);
        if (url == null) {
            throw new IllegalArgumentException("no fixture named " + name);
        }
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
