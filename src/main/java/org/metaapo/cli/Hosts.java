package org.metaapo.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.error.DataException;
import org.metaapo.error.DeviceException;
import org.metaapo.error.UsageException;

/**
 * The machines of a hosts file, which mpirun reads too.
 *
 * @param file it
 * @param machines how many processes each takes
 */
record Hosts(Path file, Map<String, Integer> machines) {
    private static final Pattern LINE = Pattern.compile("(\\S+)\\s+slots\\s*=\\s*([1-9]\\d{0,4})(\\s+max[-_]slots\\s*=\\s*\\d+)?");

    /** What is of this machine, session or job, and would be wrong on another. */
    private static final Pattern OWN = Pattern.compile(
            "(OMPI|PMIX|PRTE|SLURM|SSH|XDG|DBUS|METAAPO)_.*|HOSTNAME|DISPLAY|TMPDIR|TMP|TEMP|PWD|OLDPWD|SHLVL|TERM|COLUMNS|LINES|_|JAVA_MAIN_CLASS_.*|NLSPATH|MAIL|LS_COLORS");

    private static final int SECONDS_TO_ANSWER = 10;

    /**
     * Reads the file.
     *
     * @throws UsageException naming the line that is no NAME slots=N
     */
    static Hosts read(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new DataException(file + ": cannot be read: " + e.getMessage(), e);
        }
        Map<String, Integer> machines = new LinkedHashMap<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).replaceFirst("#.*", "").strip();
            if (line.isEmpty()) {
                continue;
            }
            Matcher matcher = LINE.matcher(line);
            if (!matcher.matches()) {
                throw new UsageException(file + ": line " + (i + 1) + " is \"" + line + "\"; expected NAME slots=N, such as node1 slots=8");
            }
            machines.merge(matcher.group(1), Integer.parseInt(matcher.group(2)), Integer::sum);
        }
        if (machines.isEmpty()) {
            throw new UsageException(file + ": names no host; expected lines such as node1 slots=8");
        }
        return new Hosts(file, machines);
    }

    /** How many processes all of them take. */
    int slots() {
        return machines.values().stream().mapToInt(Integer::intValue).sum();
    }

    /**
     * Asks each machine for a sign of life, as mpirun will; what it says itself if there is none is hard to read.
     *
     * @throws DeviceException naming the first that does not answer
     */
    void checkAnswers(Map<String, String> environment) {
        if (environment.containsKey("SLURM_JOB_ID") || environment.containsKey("OMPI_MCA_plm_rsh_agent")) {
            // Then mpirun does not go by ssh.
            return;
        }
        Map<String, Process> asked = new LinkedHashMap<>();
        try {
            for (String machine : machines.keySet()) {
                if (!isThisOne(machine)) {
                    asked.put(machine, new ProcessBuilder("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=" + SECONDS_TO_ANSWER, machine, "true")
                            .redirectErrorStream(true).start());
                }
            }
            for (Map.Entry<String, Process> machine : asked.entrySet()) {
                machine.getValue().getOutputStream().close();
                String said = new String(machine.getValue().getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
                if (machine.getValue().waitFor() != 0) {
                    throw new DeviceException(file + ": host " + machine.getKey() + " does not answer: " + said.lines().reduce((first, last) -> last).orElse("ssh failed")
                            + "; it must be reached by ssh without a password");
                }
            }
        } catch (IOException e) {
            throw new DeviceException(file + ": ssh, by which hosts are reached, cannot be run: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted", e);
        } finally {
            asked.values().forEach(Process::destroy);
        }
    }

    private static boolean isThisOne(String machine) {
        try {
            return Set.of("localhost", "127.0.0.1", InetAddress.getLocalHost().getHostName()).contains(machine);
        } catch (IOException e) {
            return machine.equals("localhost");
        }
    }

    /** Names of the environment's variables that the processes on other machines get too. */
    List<String> shared(Map<String, String> environment) {
        List<String> names = new ArrayList<>();
        for (String name : environment.keySet()) {
            if (name.matches("[A-Za-z_]\\w*") && !OWN.matcher(name).matches()) {
                names.add(name);
            }
        }
        return names;
    }
}
