package org.metaapo.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;

/**
 * A server of MLflow, by its REST interface 2.0. The server only adds, so that what it has is asked first: of a run that goes on it gets
 * what comes after the last step that it knows of each metric, and of one that is sent again what it has not.
 */
final class MlflowTracker implements Backfilled {
    private static final String API = "/api/2.0/mlflow/";
    private static final String ARTIFACTS = "mlflow-artifacts:/";
    private static final String FILE = "mlflow.json";
    /** Limits of a batch. */
    private static final int MOST_METRICS = 1000;
    private static final int MOST_PARAMETERS = 100;
    /** A server of an older release takes no longer ones. */
    private static final int MOST_PARAMETER_CHARS = 500;
    private static final int HISTORY_PAGE = 25_000;
    private static final String ROOT_EXPERIMENT = "Default";

    private final Service service;
    private final String experiment;
    private final Path folder;
    /** Whether the run was there before and may have gaps, for which all that the server has of it is asked. */
    private final boolean isExport;

    private String runId;
    private String artifacts;
    private final Map<String, Long> lastSteps = new HashMap<>();
    private final Map<String, Set<Long>> steps = new HashMap<>();
    private final Deque<ObjectNode> metrics = new ArrayDeque<>();
    private final Deque<String[]> files = new ArrayDeque<>();

    private MlflowTracker(Service service, String experiment, Path folder, boolean isExport) {
        this.service = service;
        this.experiment = experiment;
        this.folder = folder;
        this.isExport = isExport;
    }

    /** By what the environment says; {@code folder} keeps the run's id. */
    static MlflowTracker of(Map<String, String> environment, Path folder, boolean isExport) {
        String address = Service.address(environment, "MLFLOW_TRACKING_URI", "mlflow");
        String user = environment.getOrDefault("MLFLOW_TRACKING_USERNAME", "");
        String password = environment.getOrDefault("MLFLOW_TRACKING_PASSWORD", "");
        String token = Service.secret(environment, "MLFLOW_TRACKING_TOKEN", "mlflow");
        if (user.isEmpty() != password.isEmpty()) {
            throw new UsageException("tracker mlflow: MLFLOW_TRACKING_" + (user.isEmpty() ? "PASSWORD" : "USERNAME") + " is set, and MLFLOW_TRACKING_"
                    + (user.isEmpty() ? "USERNAME" : "PASSWORD") + " is not; expected both or none");
        }
        if (token != null && !user.isEmpty()) {
            throw new UsageException("tracker mlflow: MLFLOW_TRACKING_TOKEN and MLFLOW_TRACKING_USERNAME are set; expected one way to sign in");
        }
        String basic = Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
        String value = token != null ? "Bearer " + token : user.isEmpty() ? null : "Basic " + basic;
        String name = environment.getOrDefault("MLFLOW_EXPERIMENT_NAME", "").strip();
        return new MlflowTracker(
                new Service(address, "MLFLOW_TRACKING_URI", value == null ? null : "Authorization", value, token != null ? token : user.isEmpty() ? null : password),
                name.isEmpty() ? ROOT_EXPERIMENT : name, folder, isExport);
    }

    @Override
    public void start(RunInfo run, long resumedAtStep) throws Exception {
        Path file = folder.resolve(FILE);
        ServerRun known = ServerRun.read(file, service.base());
        boolean isKnown = known != null && (isExport || resumedAtStep >= 0 || known.isOf(run));
        try {
            if (!isKnown || !takeUp(known.id())) {
                create(run, file);
            }
        } catch (Service.StatusException e) {
            throw e.refused();
        }
    }

    @Override
    public long firstStep() {
        return 0;
    }

    /** Whether the server has the run; then all that it has of it is known. */
    private boolean takeUp(String id) throws IOException, InterruptedException, Service.StatusException {
        JsonNode run;
        try {
            run = service.get(API + "runs/get?run_id=" + Service.encoded(id)).path("run");
        } catch (Service.StatusException e) {
            if (e.code().equals("RESOURCE_DOES_NOT_EXIST")) {
                return false;
            }
            throw e;
        }
        if (!run.path("info").path("lifecycle_stage").asText("active").equals("active")) {
            return false;
        }
        runId = id;
        artifacts = run.path("info").path("artifact_uri").asText();
        for (JsonNode metric : run.path("data").path("metrics")) {
            String key = metric.path("key").asText();
            lastSteps.put(key, metric.path("step").asLong());
            if (isExport) {
                steps.put(key, history(key));
            }
        }
        if (!isExport) {
            update("RUNNING", null);
        }
        return true;
    }

    private void create(RunInfo run, Path file) throws IOException, InterruptedException, Service.StatusException {
        ObjectNode body = Json.mapper().createObjectNode().put("experiment_id", experimentId()).put("run_name", run.name())
                .put("start_time", System.currentTimeMillis());
        tag(body.putArray("tags"), "mlflow.source.name", "metaapo");
        JsonNode info = service.post(API + "runs/create", body).path("run").path("info");
        runId = info.path("run_id").asText();
        artifacts = info.path("artifact_uri").asText();
        new ServerRun(service.base(), runId, ServerRun.digest(run)).write(file);
        sendParameters(run.config());
    }

    private static void tag(ArrayNode tags, String key, String value) {
        tags.addObject().put("key", key).put("value", value);
    }

    private String experimentId() throws IOException, InterruptedException, Service.StatusException {
        String path = API + "experiments/get-by-name?experiment_name=" + Service.encoded(experiment);
        try {
            return service.get(path).path("experiment").path("experiment_id").asText();
        } catch (Service.StatusException e) {
            if (!e.code().equals("RESOURCE_DOES_NOT_EXIST")) {
                throw e;
            }
        }
        return service.post(API + "experiments/create", Json.mapper().createObjectNode().put("name", experiment)).path("experiment_id").asText();
    }

    private void sendParameters(Map<String, Object> config) throws IOException, InterruptedException, Service.StatusException {
        List<Map.Entry<String, Object>> all = new ArrayList<>(config.entrySet());
        for (int from = 0; from < all.size(); from += MOST_PARAMETERS) {
            ObjectNode body = batch();
            ArrayNode parameters = body.putArray("params");
            for (Map.Entry<String, Object> entry : all.subList(from, Math.min(all.size(), from + MOST_PARAMETERS))) {
                String value = entry.getValue().toString();
                tag(parameters, entry.getKey(), value.substring(0, Math.min(MOST_PARAMETER_CHARS, value.length())));
            }
            service.post(API + "runs/log-batch", body);
        }
    }

    private ObjectNode batch() {
        return Json.mapper().createObjectNode().put("run_id", runId);
    }

    @Override
    public void log(long step, double time, Map<String, Double> values) {
        for (Map.Entry<String, Double> value : values.entrySet()) {
            if (Double.isFinite(value.getValue()) && !isKnown(value.getKey(), step)) {
                metrics.add(Json.mapper().createObjectNode().put("key", value.getKey()).put("value", value.getValue())
                        .put("timestamp", Math.round(time * 1000)).put("step", step));
            }
        }
    }

    private boolean isKnown(String key, long step) {
        return isExport ? steps.getOrDefault(key, Set.of()).contains(step) : step <= lastSteps.getOrDefault(key, -1L);
    }

    private Set<Long> history(String key) throws IOException, InterruptedException, Service.StatusException {
        Set<Long> known = new HashSet<>();
        String next = "";
        do {
            JsonNode page = service.get(API + "metrics/get-history?run_id=" + Service.encoded(runId) + "&metric_key=" + Service.encoded(key)
                    + "&max_results=" + HISTORY_PAGE + (next.isEmpty() ? "" : "&page_token=" + Service.encoded(next)));
            page.path("metrics").forEach(metric -> known.add(metric.path("step").asLong()));
            next = page.path("next_page_token").asText("");
        } while (!next.isEmpty());
        return known;
    }

    /** Texts are files, where the server takes files. */
    @Override
    public void text(long step, double time, String tag, String markdown) {
        if (artifacts.startsWith(ARTIFACTS) && !artifacts.startsWith(ARTIFACTS + "/")) {
            files.add(new String[] {String.format(Locale.ROOT, "%s/step-%08d.md", tag, step), markdown});
        }
    }

    @Override
    public void flush() throws Exception {
        try {
            while (!metrics.isEmpty()) {
                ObjectNode body = batch();
                ArrayNode some = body.putArray("metrics");
                metrics.stream().limit(MOST_METRICS).forEach(some::add);
                service.post(API + "runs/log-batch", body);
                for (int i = 0; i < some.size(); i++) {
                    metrics.remove();
                }
            }
            while (!files.isEmpty()) {
                String place = artifacts.substring(ARTIFACTS.length()) + "/" + files.peek()[0];
                service.put("/api/2.0/mlflow-artifacts/artifacts/" + place, files.peek()[1], "text/markdown; charset=utf-8");
                files.remove();
            }
        } catch (Service.StatusException e) {
            throw e.refused();
        }
    }

    @Override
    public void end(Status status) throws Exception {
        try {
            update(switch (status) {
                case FINISHED -> "FINISHED";
                case STOPPED -> "KILLED";
                case FAILED -> "FAILED";
            }, System.currentTimeMillis());
        } catch (Service.StatusException e) {
            throw e.refused();
        }
    }

    private void update(String status, Long endTime) throws IOException, InterruptedException, Service.StatusException {
        ObjectNode body = batch().put("status", status);
        if (endTime != null) {
            body.put("end_time", endTime);
        }
        service.post(API + "runs/update", body);
    }
}
