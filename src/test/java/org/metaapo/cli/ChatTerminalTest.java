package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code metaapo chat} at a terminal, typed at as a person would. */
class ChatTerminalTest {
    private static final String CHAT = "chat --model $F/tiny-llama --dtype f32 --threads 1 --max-new-tokens ";
    private static final long SECONDS = 120;

    @TempDir
    Path temp;

    private Shell shell;
    private Path log;
    private Process process;
    private OutputStream keys;
    private int seen;

    @BeforeEach
    void build() throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/script")), "util-linux's script makes the terminal");
        shell = Shell.in(temp);
        log = shell.work().resolve("terminal.log");
    }

    @AfterEach
    void end() {
        if (process != null) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    /** Runs a line of a shell at a terminal of so many columns. Ctrl-C is heard also where the tests were started in a shell's background, without. */
    private void start(int columns, String type, String line) throws IOException {
        Files.writeString(shell.work().resolve("line.sh"), "stty cols " + columns + " rows 20\nstty -g > before\n" + line + "\necho \"status $?\"\nstty -g > after\n");
        process = shell.bash("script -qec 'env --default-signal=INT bash line.sh' /dev/null", Map.of("TERM", type, "NO_COLOR", "1"))
                .redirectErrorStream(true).redirectOutput(log.toFile()).start();
        keys = process.getOutputStream();
    }

    private void type(String text) throws IOException {
        keys.write(text.getBytes(StandardCharsets.UTF_8));
        keys.flush();
    }

    /** Waits for words that were not awaited yet, and returns what came with them. */
    private String await(String words) throws IOException, InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (true) {
            String all = Files.exists(log) ? new String(Files.readAllBytes(log), StandardCharsets.UTF_8) : "";
            int at = all.indexOf(words, seen);
            if (at >= 0) {
                String part = all.substring(seen, at + words.length());
                seen = at + words.length();
                return part;
            }
            if (System.nanoTime() > until || !process.isAlive() && at < 0 && !Files.readString(log).contains(words)) {
                throw new AssertionError("no " + words + " after " + all);
            }
            Thread.sleep(10);
        }
    }

    private void assertLeftAsItWas() throws IOException, InterruptedException {
        assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
        assertThat(flags("after")).isEqualTo(flags("before"));
    }

    /** What lines are read and shown by: without the timing of single characters, which nothing reads in lines. */
    private String flags(String file) throws IOException {
        return Files.readString(shell.work().resolve(file)).replaceFirst("^((?:[^:]*:){4}).*\\R", "$1");
    }

    @Test
    void twoColumnsStopAtCtrlCAndPastedLinesAreOneMessage() throws Exception {
        start(130, "xterm", "\"$LAUNCHER\" " + CHAT + "900 --temperature 0 --against $F/tiny-qwen2");
        assertThat(await(">>> ")).contains("tiny-llama against ", "a context of 1024 tokens; /help shows the commands");
        type("漢字 🙂\r");
        await("│");
        await("│");
        type("\u0003");
        assertThat(await("[")).doesNotContain("Exception");
        await("stopped]");
        await(">>> ");
        type("/set max_new_tokens 5\r");
        await("max_new_tokens 5");
        type("\u001b[200~/first\nsecond ' \" \\ !x\u001b[201~\r");
        await("cut at 5 tokens");
        type("\"\"\"\rthird\r\"\"\"\r");
        await("cut at 5 tokens");
        type("/save talk.jsonl\r");
        await("saved in talk.jsonl");
        await(">>> ");
        type("half");
        await("half");
        type("\u0003");
        await(">>> ");
        type("\u0003");
        await("/exit or Ctrl-D leaves");
        await(">>> ");
        type("\u0004");
        await("status 0");
        assertLeftAsItWas();
        assertThat(Files.readString(shell.work().resolve("talk.jsonl")))
                .contains("\"content\":\"漢字 🙂\"", "\"content\":\"/first\\nsecond ' \\\" \\\\ !x\"", "\"content\":\"third\"").doesNotContain("half");
    }

    @Test
    void aSignalLeavesTheTerminalAsItWas() throws Exception {
        start(0, "xterm", "\"$LAUNCHER\" " + CHAT + "5");
        await(">>> ");
        type("/nothing\r");
        await("no command is named /nothing");
        await(">>> ");
        process.descendants().filter(one -> one.info().command().orElse("").endsWith("java")).findFirst().orElseThrow().destroy();
        await("status 143");
        assertLeftAsItWas();
    }

    /** Where the cursor cannot be moved, the terminal's own line is read; answers go where standard output goes. */
    @Test
    void aDumbTerminalAndAnOutputThatIsNone() throws Exception {
        start(80, "dumb", "\"$LAUNCHER\" " + CHAT + "5 > answers");
        await(">>> ");
        type("\u0003");
        await(">>> ");
        type("hello\r");
        await("[cut at 5 tokens");
        await(">>> ");
        type("/set top_p 2\r");
        await("top_p is 2.0; expected");
        type("\u0004");
        await("status 0");
        assertLeftAsItWas();
        assertThat(Files.readString(log)).doesNotContain("\u001b");
        assertThat(Files.readString(shell.work().resolve("answers"))).isNotBlank().doesNotContain(">>>");
    }
}
