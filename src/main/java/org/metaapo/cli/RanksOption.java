package org.metaapo.cli;

import java.nio.file.Path;
import java.util.Collection;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.metaapo.error.UsageException;
import org.metaapo.files.StandardInput;
import org.metaapo.files.Unfinished;
import org.metaapo.ranks.Launcher;
import org.metaapo.ranks.Ranks;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How many processes do a command together. One that a launcher has started joins the others by itself. */
final class RanksOption {
    @Option(names = "--ranks", paramLabel = "N", description = "do this as N processes, by mpirun; on GPUs one for each")
    private Integer count;

    @Option(names = "--hosts", paramLabel = "FILE", description = "their machines, a line each: NAME slots=N; without --ranks all slots")
    private Path hosts;

    @CommandLine.Spec(CommandLine.Spec.Target.MIXEE)
    private CommandSpec command;

    /**
     * Runs a command: in this process, as one of those that a launcher has started, or by starting them.
     *
     * @param prepare reads what the user gave, and nothing large; where processes are started, it is done before that
     * @param work is done together
     * @return the exit status
     */
    <T> int run(Supplier<T> prepare, BiConsumer<Ranks, T> work) {
        Ranks ranks;
        try {
            if (count != null && count < 1) {
                throw new UsageException("--ranks is " + count + "; expected 1 or more");
            }
            Launcher launcher = Launcher.of(System.getenv());
            Mpirun mpirun = launcher == null ? Mpirun.of(count, hosts) : null;
            if (mpirun != null) {
                prepare.get();
                return mpirun.run();
            }
            if (launcher != null && count != null && count != launcher.size()) {
                throw new UsageException("--ranks is " + count + ", and " + launcher.name() + " has started " + launcher.size() + "; leave --ranks to " + launcher.name());
            }
            ranks = launcher == null ? Ranks.single() : launcher.join();
        } catch (RuntimeException e) {
            Failures.letTheFirstTell();
            return Failures.tell(e, isDebug());
        }
        return together(ranks, prepare, work);
    }

    /** Throws where several processes are to read standard input, which comes to one of them. */
    void check(String what, Collection<Path> given) {
        Launcher launcher = Launcher.of(System.getenv());
        boolean areSeveral = launcher != null ? launcher.size() > 1 : hosts != null || count != null && count > 1;
        if (areSeveral && given.stream().anyMatch(StandardInput::isMeant)) {
            throw new UsageException(what + " is -, standard input, which one of several ranks alone can read; give a file");
        }
    }

    private <T> int together(Ranks ranks, Supplier<T> prepare, BiConsumer<Ranks, T> work) {
        int status = 0;
        ranks.whenBroken(failure -> end(ranks, failure));
        try {
            T prepared = ranks.agree(prepare);
            work.accept(ranks, prepared);
            ranks.lead(System.out::flush);
        } catch (Throwable e) {
            status = end(ranks, e);
        }
        ranks.close();
        return status;
    }

    /** Tells of a failure, and ends all ranks where they do not know of it. */
    private int end(Ranks ranks, Throwable failure) {
        int status = Failures.tell(failure, isDebug());
        if (!ranks.isAgreed(failure)) {
            Unfinished.end(() -> ranks.abort(status));
        }
        return status;
    }

    private boolean isDebug() {
        return ((Main) command.root().userObject()).isDebug();
    }
}
