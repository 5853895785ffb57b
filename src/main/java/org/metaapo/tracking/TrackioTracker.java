package org.metaapo.tracking;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.UUID;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/**
 * A server of Trackio, by its interface {@code bulk_log}. Each line has an id of its own, so that one which is sent again is taken once:
 * a run that goes on sends all it has.
 */
final class TrackioTracker implements Backfilled {
    private static final int MOST_LINES = 500;
    private static final String DEFAULT_PROJECT = "metaapo";
    private static final String FILE = "trackio.json";

    private final Service service;
    private final String project;
    private final Path folder;
    private final boolean isExport;
    private final Deque<ObjectNode> waiting = new ArrayDeque<>();
    private String runId;
    private String name;
    /** Sent with the first lines; null once it is there. */
    private Map<String, Object> config;

    private TrackioTracker(Service service, String project, Path folder, boolean isExport) {
        this.isExport = isExport;
        this.service = service;
        this.project = project;
        this.folder = folder;
    }

    /** By what the environment says; {@code folder} keeps the run's id. */
    static TrackioTracker of(Map<String, String> environment, Path folder, boolean isExport) {
        String address = Service.address(environment, "TRACKIO_SERVER_URL", "trackio");
        String token = Service.secret(environment, "TRACKIO_WRITE_TOKEN", "trackio");
        if (token == null) {
            throw new UsageException("tracker trackio: the environment variable TRACKIO_WRITE_TOKEN is not set; expected the server's write token in it");
        }
        String project = environment.getOrDefault("TRACKIO_PROJECT", "").strip();
        return new TrackioTracker(
                new Service(address, "TRACKIO_SERVER_URL", "X-Trackio-Write-Token", token, token), project.isEmpty() ? DEFAULT_PROJECT : project, folder, isExport);
    }

    @Override
    public void start(RunInfo run, long resumedAtStep) throws IOException {
        Path file = folder.resolve(FILE);
        ServerRun known = ServerRun.read(file, service.base());
        if (known == null || !(isExport || resumedAtStep >= 0 || known.isOf(run))) {
            known = new ServerRun(service.base(), UUID.randomUUID().toString(), ServerRun.digest(run));
            known.write(file);
        }
        runId = known.id();
        name = run.name();
        config = run.config();
    }

    @Override
    public long firstStep() {
        return 0;
    }

    @Override
    public void log(long step, double time, Map<String, Double> values) {
        ObjectNode line = Json.mapper().createObjectNode().put("project", project).put("run", name).put("run_id", runId).put("step", step);
        ObjectNode metrics = line.putObject("metrics");
        values.forEach((tag, value) -> {
            // JSON has no others.
            if (Double.isFinite(value)) {
                metrics.put(tag, value);
            }
        });
        if (metrics.isEmpty()) {
            return;
        }
        // Lines of one step differ in their tags.
        String id = runId + "/" + step + "/" + values.keySet().iterator().next();
        line.put("log_id", UUID.nameUUIDFromBytes(id.getBytes(StandardCharsets.UTF_8)).toString());
        waiting.add(line);
    }

    @Override
    public void flush() throws Exception {
        while (!waiting.isEmpty()) {
            ObjectNode body = Json.mapper().createObjectNode();
            ArrayNode logs = body.putArray("logs");
            waiting.stream().limit(MOST_LINES).forEach(logs::add);
            if (config != null) {
                ((ObjectNode) logs.get(0)).putPOJO("config", config);
            }
            body.putNull("hf_token");
            try {
                service.post("/api/bulk_log", body);
            } catch (Service.StatusException e) {
                throw e.refused();
            }
            config = null;
            for (int i = 0; i < logs.size(); i++) {
                waiting.remove();
            }
        }
    }
}
