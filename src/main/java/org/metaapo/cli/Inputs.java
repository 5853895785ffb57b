package org.metaapo.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.metaapo.data.DataFiles;
import org.metaapo.error.UsageException;
import org.metaapo.files.StandardInput;

/** What a command reads, looked at before it does anything. */
final class Inputs {
    private Inputs() {}

    /**
     * The files of the data, and all others that were given.
     *
     * @param others files and folders; null for one that was not given
     * @throws org.metaapo.error.DataException if a path of the data leads to no file
     * @throws UsageException if standard input is to be read twice
     */
    static List<Path> of(List<Path> data, Path... others) {
        List<Path> given = new ArrayList<>(data);
        Arrays.stream(others).filter(Objects::nonNull).forEach(given::add);
        once(given);
        List<Path> files = new ArrayList<>(DataFiles.files(data, DataFiles.Options.STRICT));
        files.addAll(given.subList(data.size(), given.size()));
        return files;
    }

    /** Standard input can be read once. */
    static void once(List<Path> given) {
        long times = given.stream().filter(StandardInput::isMeant).count();
        if (times > 1) {
            throw new UsageException("standard input (-) is given " + times + " times; it can be read once");
        }
    }
}
