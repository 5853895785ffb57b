package org.metaapo.train;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.error.DataException;
import org.metaapo.error.UsageException;
import org.metaapo.files.RunLock;
import org.metaapo.files.SamePath;
import org.metaapo.files.StandardInput;

/** Refuses an {@code out} in which a run would replace or delete what is not a run's. Writes nothing. */
public final class OutCheck {
    /** A file of prepared rows, finished or not: all that a run leaves in {@code cache} before its fingerprint. */
    private static final String PREPARED_ROWS = "\\.?rows-[0-9a-f]{16}\\.bin.*";

    private static final String ADVICE = "; give another folder as out";

    private OutCheck() {}

    /**
     * Refuses what is no folder, and where no folder can be made.
     *
     * @throws UsageException if it, or what it would lie in, is a file or another thing
     */
    public static void checkFolder(Path out) {
        checkFolder(out, "out");
    }

    /** The same of a folder that another key names. */
    public static void checkFolder(Path out, String key) {
        Path at = out.toAbsolutePath();
        while (!Files.exists(at, LinkOption.NOFOLLOW_LINKS) && at.getParent() != null) {
            at = at.getParent();
        }
        if (!Files.isDirectory(at)) {
            String found = Files.isRegularFile(at) ? "a file" : Files.exists(at) ? "no folder" : "a link that leads nowhere";
            throw new UsageException(out + ": " + (at.equals(out.toAbsolutePath()) ? "is " : at + " is ") + found
                    + "; expected a folder as " + key + ", or the name of one to make");
        }
        if (!Files.isWritable(at) || isOfTheKernel(at)) {
            throw new UsageException(out + ": nothing can be written in " + at + "; give another folder as " + key);
        }
    }

    /** Where nobody makes files, whatever the rights say. */
    private static boolean isOfTheKernel(Path folder) {
        try {
            return List.of("proc", "sysfs").contains(Files.getFileStore(folder).type());
        } catch (IOException e) {
            // Writing tells.
            return false;
        }
    }

    /**
     * Refuses a folder of a run that is no folder, in which an input of the run lies where the run writes, or which has files of
     * others by a run's names.
     *
     * @throws UsageException naming the input or the files
     */
    static void check(RunConfig config) {
        RunFolder folder = new RunFolder(config.path("out"));
        checkFolder(folder.path());
        inputs(config).forEach((key, paths) -> paths.forEach(path -> checkInput(key, path, folder)));
        if (Files.isRegularFile(folder.fingerprint())) {
            return;
        }
        List<String> others = folder.written().stream().filter(place -> isOfOthers(place, folder)).map(OutCheck::shown).toList();
        if (!others.isEmpty()) {
            throw new UsageException(folder.path() + ": has " + String.join(", ", others) + ", which a run would replace or delete, and no "
                    + folder.fingerprint().getFileName() + " that says they are a run's" + ADVICE);
        }
    }

    /**
     * Refuses a folder in which a command that makes several runs would replace what it did not write: one that has files by its names
     * and was never locked by it, or a run's own folder.
     *
     * @param written what the command writes at the folder's top
     * @throws UsageException naming the files
     */
    public static void checkRunsFolder(Path out, List<Path> written) {
        checkFolder(out);
        boolean isRun = Files.isRegularFile(new RunFolder(out).fingerprint());
        if (Files.isRegularFile(out.resolve(RunLock.FILE_NAME)) && !isRun) {
            return;
        }
        List<String> others = written.stream().filter(place -> Files.exists(place, LinkOption.NOFOLLOW_LINKS)).map(OutCheck::shown).toList();
        if (isRun || !others.isEmpty()) {
            throw new UsageException(out + ": " + (isRun ? "is the folder of one run" : "has " + String.join(", ", others)
                    + ", which would be replaced, and no " + RunLock.FILE_NAME + " that says this command wrote there") + ADVICE);
        }
    }

    private static String shown(Path place) {
        return place.getFileName() + (Files.isDirectory(place) ? "/" : "");
    }

    private static boolean isOfOthers(Path place, RunFolder folder) {
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS) || place.equals(folder.rewards())) {
            // Scores are added to those at hand.
            return false;
        }
        return !place.equals(folder.cache()) || !Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS)
                || inside(place).stream().anyMatch(file -> !file.getFileName().toString().matches(PREPARED_ROWS));
    }

    /** What a run reads, by key. */
    private static Map<String, List<Path>> inputs(RunConfig config) {
        Map<String, List<Path>> inputs = new LinkedHashMap<>();
        for (ConfigKey key : ConfigKeys.all()) {
            String name = key.name();
            if (key.type() == ConfigKey.Type.PATH && !name.equals("out") && config.path(name) != null) {
                inputs.put(name, List.of(config.path(name)));
            } else if (key.type() == ConfigKey.Type.PATHS) {
                inputs.put(name, config.paths(name).stream().filter(path -> !StandardInput.isMeant(path)).toList());
            }
        }
        return inputs;
    }

    private static void checkInput(String key, Path input, RunFolder folder) {
        if (Files.isDirectory(input) && SamePath.same(input, folder.path())) {
            throw new UsageException(folder.path() + ": is read too, as " + key + ", and files of the run would be mixed into it" + ADVICE);
        }
        List<Path> read = new ArrayList<>(List.of(input));
        if (key.startsWith("data.")) {
            checkPattern(key, input, folder);
            read.addAll(files(input, key.equals("data.train") ? "train" : "test"));
        } else {
            // Files of a folder may be links, as in the Hub's cache.
            read.addAll(inside(input));
        }
        for (Path path : read) {
            for (Path place : folder.written()) {
                if (isAt(path, place)) {
                    throw new UsageException(path + ": is read as " + key + ", and the run writes " + place + ADVICE);
                }
            }
        }
    }

    /** Whether a path leads into a place, or to the very file, which may have many names. */
    private static boolean isAt(Path path, Path place) {
        return SamePath.real(path).startsWith(SamePath.real(place)) || Files.isRegularFile(place) && SamePath.same(path, place);
    }

    /** A run's files would be rows when it goes on. */
    private static void checkPattern(String key, Path input, RunFolder folder) {
        if (Files.exists(input) || !input.toString().matches(".*[*?\\[{].*")) {
            return;
        }
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + input.toAbsolutePath().normalize());
        for (Path place : folder.written()) {
            if (matcher.matches(place.toAbsolutePath().normalize())) {
                throw new UsageException(input + ": is read as " + key + ", and fits " + place + ", which the run writes" + ADVICE);
            }
        }
    }

    private static List<Path> files(Path input, String split) {
        try {
            return DataFiles.files(List.of(input), new DataFiles.Options(split, false, 0));
        } catch (DataException e) {
            // Reading tells.
            return List.of();
        }
    }

    private static List<Path> inside(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        } catch (IOException e) {
            // Reading or writing there tells.
            return List.of();
        }
    }
}
