package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The command's own part, and the page that train serves. */
class WatchCommandTest extends CommandTest {
    private static final Pattern ADDRESS = Pattern.compile("watch: http://127\\.0\\.0\\.1:([0-9]+)/");

    @Test
    void whatIsNoFolderIsRefused() throws IOException {
        assertFails(2, "no such folder", "watch", temp.resolve("none").toString());
        assertFails(2, "no folder", "watch", write("file", "text").toString());
        assertFails(2, "expected 0 to 65535", "watch", temp.toString(), "--port", "65536");
        assertFails(2, "no.such.host.invalid", "watch", temp.toString(), "--host", "no.such.host.invalid");
    }

    @Test
    void aBusyPortIsTold() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertFails(1, "choose another with --port", "watch", temp.toString(), "--port", Integer.toString(taken.getLocalPort()));
        }
    }

    @Test
    void trainServesItsPageAtAnotherPortWhereItsOwnIsTaken() throws IOException {
        String yaml = write("run.yaml", "recipe: dpo\nout: " + temp.resolve("out") + "\nmodel: {path: " + fixture("tiny-llama") + "}\ndata: {train: [" + fixture("pairs.jsonl")
                + "], max_length: 256, max_prompt_length: 128}\ntrain: {batch: 4}\ndtype: f32\nthreads: 1\n").toString();
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThat(run("train", yaml, "--watch", "--watch-port", Integer.toString(taken.getLocalPort()))).as(err).isZero();
            Matcher address = ADDRESS.matcher(err);
            assertThat(address.find()).as(err).isTrue();
            assertThat(Integer.parseInt(address.group(1))).isNotEqualTo(taken.getLocalPort());
        }
        assertThat(temp.resolve("out/report.html")).isNotEmptyFile();
        assertFails(2, "expected 0 to 65535", "train", yaml, "--watch", "--watch-port", "65536");
    }
}
