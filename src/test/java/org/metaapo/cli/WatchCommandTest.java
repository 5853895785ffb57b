package org.metaapo.cli;

import org.junit.jupiter.api.Test;

/** The command's own part: what it refuses. */
class WatchCommandTest extends CommandTest {
    @Test
    void whatIsNoFolderIsRefused() throws java.io.IOException {
        assertFails(2, "no such folder", "watch", temp.resolve("none").toString());
        assertFails(2, "no folder", "watch", write("file", "text").toString());
        assertFails(2, "expected 0 to 65535", "watch", temp.toString(), "--port", "65536");
        assertFails(2, "no.such.host.invalid", "watch", temp.toString(), "--host", "no.such.host.invalid");
    }
}
