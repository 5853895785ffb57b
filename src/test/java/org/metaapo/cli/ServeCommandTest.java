package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What serve refuses before it loads anything, and how it ends. */
class ServeCommandTest extends CommandTest {
    @Test
    void wrongOptionsAreRefused() {
        String model = fixture("tiny-llama");
        assertFails(2, "--port is 70000", "serve", "--model", model, "--port", "70000");
        assertFails(2, "--sequences is 0", "serve", "--model", model, "--sequences", "0");
        assertFails(2, "--max-queue is -1", "serve", "--model", model, "--max-queue", "-1");
        assertFails(2, "--max-new-tokens is 0", "serve", "--model", model, "--max-new-tokens", "0");
        assertFails(2, "--cache-tokens is -5", "serve", "--model", model, "--cache-tokens", "-5");
        assertFails(2, "--cors is example.com", "serve", "--model", model, "--cors", "example.com");
        assertFails(2, "no address", "serve", "--model", model, "--host", "no-such-host.invalid");
        assertFails(3, "config.json", "serve", "--model", temp.toString(), "--port", "0");
        assertFails(3, "LlamaForSequenceClassification", "serve", "--model", fixture("tiny-rm"), "--port", "0");
    }

    @Test
    void aPortThatIsTakenIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"))) {
            assertFails(2, "port " + taken.getLocalPort(), "serve", "--model", fixture("tiny-llama"), "--port", String.valueOf(taken.getLocalPort()));
        }
    }

    @Test
    void namesAreThoseOfFolders() {
        assertThat(ServeCommand.name(Path.of("runs/first/model"))).isEqualTo("first");
        assertThat(ServeCommand.name(Path.of("/models/policy/"))).isEqualTo("policy");
        assertThat(ServeCommand.name(Path.of("/model"))).isEqualTo("model");
    }

    @Test
    void aSignalEndsItWithStatusZero() throws Exception {
        Shell shell = Shell.in(temp);
        Shell.Result result = shell.run("\"$LAUNCHER\" serve --model " + fixture("tiny-llama") + " --dtype f32 --threads 1 --port 0 2>err & pid=$!\n"
                + "for i in $(seq 600); do grep -q ' at http' err && break; sleep 0.1; done\n"
                + "kill -TERM $pid; wait $pid; status=$?; cat err >&2; exit $status");
        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.err()).contains("tiny-llama at http://127.0.0.1:", "stopping");
    }
}
