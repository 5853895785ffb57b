package org.metaapo.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a path leads to, however it is written: relative or absolute, over symbolic links or past them. */
public final class SamePath {
    private SamePath() {}

    /**
     * The path without links, as far as it exists; what does not exist of it, such as a pattern or the split after a {@code #}, is kept
     * as it is.
     */
    public static Path real(Path path) {
        Path absolute = path.toAbsolutePath();
        for (Path there = absolute; there != null; there = there.getParent()) {
            try {
                return there.toRealPath().resolve(there.relativize(absolute)).normalize();
            } catch (IOException notThere) {
                // Its parent may be.
            }
        }
        return absolute.normalize();
    }

    /** Whether two paths lead to one place, as things stand now. */
    public static boolean same(Path a, Path b) {
        if (real(a).equals(real(b))) {
            return true;
        }
        try {
            return Files.isSameFile(a, b);
        } catch (IOException notThere) {
            return false;
        }
    }
}
