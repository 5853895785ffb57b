package org.metaapo.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import org.metaapo.files.Fixtures;

/** The launcher in a checkout that is built, for scripts as a user would type them. */
final class Shell {
    private static final long SECONDS = 120;

    private final Path work;
    private final Path launcher;

    /** What came of a script. */
    record Result(int status, String out, String err) {}

    private Shell(Path work, Path launcher) {
        this.work = work;
        this.launcher = launcher;
    }

    /** In an empty folder: a checkout whose build is what this test runs from, and the folder that scripts run in. */
    static Shell in(Path folder) throws IOException {
        Path root = Files.createDirectories(folder.resolve("checkout"));
        for (String part : List.of("cmake", "src/main", "target/classes", "target/lib")) {
            Files.createDirectories(root.resolve(part));
        }
        Files.createFile(root.resolve("pom.xml"));
        Files.copy(Path.of("metaapo"), root.resolve("metaapo"), StandardCopyOption.COPY_ATTRIBUTES);
        writeClassPath(root.resolve("target/lib/all.jar"));
        Files.createFile(root.resolve("target/metaapo.built"));
        return new Shell(Files.createDirectories(folder.resolve("work")), root.resolve("metaapo"));
    }

    /** A jar that names this test's class path and holds nothing else. */
    private static void writeClassPath(Path jar) throws IOException {
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).toUri().toString()).collect(Collectors.joining(" ")));
        new JarOutputStream(Files.newOutputStream(jar), manifest).close();
    }

    /** The folder that scripts run in. */
    Path work() {
        return work;
    }

    /** A process of bash that runs a script: {@code metaapo} is the launcher, {@code $F} the folder of the fixtures. */
    ProcessBuilder bash(String script, Map<String, String> environment) {
        List<String> command = new ArrayList<>(Arrays.asList("bash", "-c", "metaapo() { '" + launcher + "' \"$@\"; }\n" + script));
        ProcessBuilder builder = new ProcessBuilder(command).directory(work.toFile());
        Map<String, String> variables = builder.environment();
        variables.keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG") || name.equals("NO_COLOR") || name.equals("COLUMNS"));
        variables.put("F", Fixtures.path("pairs.jsonl").getParent().toString());
        variables.put("JAVA_HOME", System.getProperty("java.home"));
        variables.put("LAUNCHER", launcher.toString());
        variables.put("TMPDIR", work.toString());
        // One thread for each process's OpenMP: many run on few cores.
        variables.put("OMP_NUM_THREADS", "1");
        variables.putAll(environment);
        return builder;
    }

    /** Runs a script to its end. */
    Result run(String script, Map<String, String> environment) throws IOException, InterruptedException {
        Path out = Files.createTempFile("metaapo-test-", ".out");
        Path err = Files.createTempFile("metaapo-test-", ".err");
        try {
            Process process = bash(script, environment).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
            process.getOutputStream().close();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
                throw new AssertionError("not at an end after " + SECONDS + " s: " + script + "\n" + Files.readString(err));
            }
            return new Result(process.exitValue(), text(out), text(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** Runs a script to its end. */
    Result run(String script) throws IOException, InterruptedException {
        return run(script, Map.of());
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
