package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.AtomicFiles;
import org.metaapo.files.Digests;
import org.metaapo.files.Json;

/**
 * Under which name a server knows a run: a file in the run's folder.
 *
 * @param server address
 * @param id what the server calls the run
 * @param config digest of the run's configuration
 */
record ServerRun(String server, String id, String config) {
    /** The file's, or null where there is none of this server that can be read. */
    static ServerRun read(Path file, String server) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            JsonNode json = Json.read(file);
            ServerRun run = new ServerRun(json.path("server").asText(), json.path("run_id").asText(), json.path("config").asText());
            return run.server.equals(server) && !run.id.isEmpty() ? run : null;
        } catch (DataException e) {
            return null;
        }
    }

    /** Whether a run that begins is this one: with another configuration it is another one. */
    boolean isOf(RunInfo run) {
        return config.equals(digest(run));
    }

    static String digest(RunInfo run) {
        return Digests.sha256(Json.write(run.config()).getBytes(StandardCharsets.UTF_8));
    }

    void write(Path file) throws IOException {
        try {
            Files.createDirectories(file.getParent());
            ObjectNode json = Json.mapper().createObjectNode().put("server", server).put("run_id", id).put("config", config);
            AtomicFiles.write(file, Json.writePretty(json));
        } catch (RunFailedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }
}
