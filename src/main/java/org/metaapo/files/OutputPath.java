package org.metaapo.files;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/**
 * Where a path leads that is written to, as a shell's {@code >} has it: links are followed, also to what is not there yet, and pipes,
 * devices and open descriptors are written through.
 *
 * @param path the place itself; its parent need not exist
 * @param isThrough whether it is written through rather than replaced
 */
record OutputPath(Path path, boolean isThrough) {
    /** As the kernel's. */
    private static final int MOST_LINKS = 40;

    static OutputPath of(Path target) throws IOException {
        Path at = target.toAbsolutePath();
        for (int links = 0; links <= MOST_LINKS; links++) {
            at = withRealParent(at);
            if (isDescriptor(at)) {
                return new OutputPath(at, true);
            }
            if (!Files.isSymbolicLink(at)) {
                boolean isThing = Files.exists(at, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(at) && !Files.isDirectory(at);
                return new OutputPath(at, isThing);
            }
            at = at.resolveSibling(Files.readSymbolicLink(at));
        }
        throw new FileSystemException(target.toString(), null, "too many links");
    }

    /** Whether it is standard output, by whichever name. */
    boolean isStandardOutput() {
        return isDescriptor(path) && path.getFileName().toString().equals("1")
                && path.getName(1).toString().equals(Long.toString(ProcessHandle.current().pid()));
    }

    private static Path withRealParent(Path path) throws IOException {
        Path parent = path.getParent();
        return parent != null && Files.isDirectory(parent) ? parent.toRealPath().resolve(path.getFileName()) : path;
    }

    /** Such as {@code /proc/812/fd/1}, which is a link to a name that need not lead anywhere. */
    private static boolean isDescriptor(Path path) {
        return path.getNameCount() == 4 && path.startsWith("/proc") && path.getName(2).toString().equals("fd");
    }
}
