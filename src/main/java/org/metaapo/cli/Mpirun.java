package org.metaapo.cli;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.metaapo.engine.RankGroup;
import org.metaapo.error.DeviceException;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import sun.misc.Signal;

/**
 * Runs this process's command line once more, as several processes of Open MPI's mpirun. A signal to this process asks them to stop
 * together: mpirun passes SIGUSR1 on, while after others it leaves them no time for a checkpoint.
 */
final class Mpirun {
    /** What a shell, and mpirun, add to the number of the signal that ended a process. */
    private static final int SIGNALLED = 128;

    private static final int KILL = 9;

    private final List<String> command;

    private Mpirun(List<String> command) {
        this.command = command;
    }

    /**
     * What starts the processes; null for one.
     *
     * @param count how many; null for as many as the hosts have slots
     * @param hosts file of the machines; null for this one, or those of an allocation
     * @throws DeviceException if there is no MPI, or a host does not answer
     */
    static Mpirun of(Integer count, Path hosts) {
        if (hosts == null && (count == null || count == 1)) {
            return null;
        }
        Hosts machines = hosts == null ? null : Hosts.read(hosts);
        int processes = count != null ? count : machines.slots();
        if (machines != null && processes > machines.slots()) {
            throw new UsageException("--ranks is " + processes + ", and " + hosts + " has " + machines.slots() + " slots");
        }
        RankGroup.mpi();
        // In a session of its own mpirun does not hear a terminal's Ctrl-C; and it is told, as of a stop, when this process is lost.
        List<String> command = new ArrayList<>(List.of("setsid", "setpriv", "--pdeathsig", "USR1", mpirun(), "-q", "--bind-to", "none", "-n", Integer.toString(processes)));
        if (machines != null) {
            machines.checkAnswers(System.getenv());
            command.addAll(List.of("--hostfile", hosts.toString()));
            machines.shared(System.getenv()).forEach(name -> command.addAll(List.of("-x", name)));
        } else if (!System.getenv().containsKey("SLURM_JOB_ID")) {
            // Else there would be no more of them than cores.
            command.add("--oversubscribe");
        }
        command.addAll(ownCommand());
        return new Mpirun(command);
    }

    /** What mpirun there is, for people. */
    static String shown() {
        try {
            String path = mpirun();
            return version(path) + ", " + path;
        } catch (DeviceException e) {
            return e.getMessage();
        }
    }

    /** The mpirun of this machine. Its whole path has mpirun look for its other programs beside it, on other machines too. */
    private static String mpirun() {
        String path = Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "mpirun")).filter(Files::isExecutable).map(Path::toString).findFirst()
                .orElseThrow(() -> new DeviceException("there is no mpirun on the PATH, which starts several processes; install Open MPI's (Debian: openmpi-bin)"));
        String version = version(path);
        if (!version.contains("Open MPI")) {
            throw new DeviceException(path + " is of another MPI (" + version + "), and metaapo was built with " + RankGroup.mpi() + "; put the mpirun of that before it on the PATH");
        }
        return path;
    }

    private static String version(String mpirun) {
        try {
            Process process = new ProcessBuilder(mpirun, "--version").redirectErrorStream(true).start();
            process.getOutputStream().close();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return said.lines().filter(line -> !line.isBlank()).findFirst().orElse("no version").strip();
        } catch (IOException e) {
            throw new DeviceException(mpirun + ": cannot be run: " + e.getMessage(), e);
        }
    }

    /** The program, its options and arguments of this process. */
    private static List<String> ownCommand() {
        try {
            List<String> words = new ArrayList<>(Arrays.asList(Files.readString(Path.of("/proc/self/cmdline")).split("\0", -1)));
            words.remove(words.size() - 1);
            words.set(0, Path.of("/proc/self/exe").toRealPath().toString());
            return words;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs the processes to their end and returns the exit status. */
    int run() {
        ProcessBuilder builder = new ProcessBuilder(command).inheritIO().redirectInput(new File("/dev/null"));
        Map<String, String> environment = builder.environment();
        // Containers run as root, which mpirun refuses by default.
        environment.put("OMPI_ALLOW_RUN_AS_ROOT", "1");
        environment.put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        try {
            Process process = builder.start();
            Stop stop = new Stop(process.pid());
            Signals.handle(stop::hear);
            return status(process.waitFor(), stop);
        } catch (IOException e) {
            throw new DeviceException("mpirun cannot be started: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RunFailedException("interrupted", e);
        }
    }

    private static int status(int found, Stop stop) {
        if (found <= SIGNALLED) {
            return found;
        }
        if (stop.heard != null) {
            System.err.println("metaapo: stopped by SIG" + stop.heard.getName());
            return SIGNALLED + stop.heard.getNumber();
        }
        int signal = found - SIGNALLED;
        throw new RunFailedException("a rank, or mpirun, was ended by signal " + signal + (signal == KILL ? ", as the kernel does when memory runs out" : "")
                + ", and the others with it; what was kept is there for the same command");
    }

    /** The first signal asks for a stop, the second ends all at once. */
    private static final class Stop {
        private final long mpirun;
        private volatile Signal heard;

        Stop(long mpirun) {
            this.mpirun = mpirun;
        }

        synchronized void hear(Signal signal) {
            heard = signal;
            try {
                new ProcessBuilder("sh", "-c", "kill -USR1 " + mpirun).start();
            } catch (IOException e) {
                System.err.println("metaapo: mpirun (" + mpirun + ") cannot be told of SIG" + signal.getName() + ": " + e.getMessage());
            }
        }
    }
}
