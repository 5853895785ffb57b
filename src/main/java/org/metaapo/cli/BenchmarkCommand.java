package org.metaapo.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.metaapo.error.UsageException;
import picocli.CommandLine.Mixin;

/** What the commands of all benchmarks take. */
abstract class BenchmarkCommand implements Callable<Integer> {
    @Mixin
    CommonOptions common;

    @Mixin
    EvaluateOptions options;

    @Mixin
    AnswerSourceOptions source;

    @Mixin
    JudgeOptions judging;

    /** A file that judging takes; a UsageException says which official one is missing. */
    static Path needed(Path file, String option, String what) {
        if (file == null) {
            throw new UsageException(option + " is not given; expected the path of " + what);
        }
        return file;
    }

    /** Looks at what judging takes. */
    void checkJudge() {
        source.check();
        judging.check();
        if (!judging.isGiven()) {
            throw new UsageException("no judge is given; expected --judge URL|DIR or --judge-command");
        }
    }

    /** Whether a part of the questions may be scored. */
    boolean mayBePartial() {
        return options.allowPartial() || source.isLimited();
    }
}
