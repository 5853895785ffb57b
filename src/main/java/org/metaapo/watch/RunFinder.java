package org.metaapo.watch;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Finds runs: the folders given that hold one, and of the others those below them that do. */
final class RunFinder {
    private static final int DEPTH = 3;
    private static final int MOST = 200;
    private static final Set<String> WITHOUT_RUNS = Set.of("checkpoints", "model", "adapter", "samples", "cache", "difficulty");

    private static final Pattern NUMBER = Pattern.compile("\\d+");
    private static final int DIGITS = 24;

    private final List<Path> given;

    RunFinder(List<Path> given) {
        this.given = given;
    }

    /** Folders of the runs that are there now, each once, at most {@value #MOST}; those below a folder by name, numbers in it by size. */
    List<Path> find() {
        Set<Path> found = new LinkedHashSet<>();
        for (Path folder : given) {
            if (isRun(folder)) {
                found.add(folder);
            } else {
                addBelow(folder, found);
            }
        }
        return List.copyOf(found);
    }

    private static boolean isRun(Path folder) {
        return Files.isRegularFile(folder.resolve("metrics.jsonl"), LinkOption.NOFOLLOW_LINKS);
    }

    private static void addBelow(Path folder, Set<Path> found) {
        List<Path> below = new ArrayList<>();
        try {
            Files.walkFileTree(folder, EnumSet.noneOf(FileVisitOption.class), DEPTH, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path inner, BasicFileAttributes attributes) {
                    if (!inner.equals(folder) && (WITHOUT_RUNS.contains(inner.getFileName().toString()) || isHidden(inner))) {
                        return FileVisitResult.SKIP_SUBTREE;
                    }
                    if (isRun(inner)) {
                        below.add(inner);
                        return below.size() + found.size() < MOST ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.TERMINATE;
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException failure) {
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            return;
        }
        below.stream().sorted(Comparator.comparing(RunFinder::withLongNumbers).thenComparing(Comparator.naturalOrder())).forEach(found::add);
    }

    /** Numbers with zeros in front, for seed-2 comes before seed-10. */
    private static String withLongNumbers(Path run) {
        return NUMBER.matcher(run.toString()).replaceAll(number -> "0".repeat(Math.max(0, DIGITS - number.group().length())) + number.group());
    }

    private static boolean isHidden(Path folder) {
        return folder.getFileName().toString().startsWith(".");
    }

    /** The last part of a run's path, with as many before it as tell it from the others. */
    static String name(Path run, List<Path> all) {
        Path path = run.toAbsolutePath().normalize();
        for (int parts = 1; parts < path.getNameCount(); parts++) {
            Path name = path.subpath(path.getNameCount() - parts, path.getNameCount());
            long same = all.stream().filter(other -> other.toAbsolutePath().normalize().endsWith(name)).count();
            if (same <= 1) {
                return name.toString();
            }
        }
        return path.toString();
    }
}
