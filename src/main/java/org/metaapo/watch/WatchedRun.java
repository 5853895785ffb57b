package org.metaapo.watch;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.metaapo.files.Json;
import org.metaapo.report.RunFiles;
import org.metaapo.report.RunPage;
import org.metaapo.report.RunView;
import org.metaapo.report.Samples;

/**
 * A run as far as its folder has been read. One thread polls; what it finds becomes events. Where a page stands is told by the run's
 * number, its generation, which is another after each restart of the file or of this program, and how many bytes of lines it has had.
 */
final class WatchedRun {
    private static final int BYTES_A_POLL = 1 << 22;
    /** Of more lines than this at once, a page is told to fetch the run anew. */
    private static final int MOST_LINES = 1000;
    private static final long SAMPLES_NANOS = 200_000_000L;
    /** Of a run whose process is not to be seen: it runs if it has written since. */
    private static final long QUIET_MILLIS = 20_000;
    private static final long RESET_NANOS = 1_000_000_000L;
    private static final int SAMPLES_EVERY = 2;
    private static final int OVER_EVERY = 6;
    private static final int KEPT = 256;
    private static final long KEPT_BYTES = 1 << 22;
    private static final String METRICS = "metrics.jsonl";

    private final int number;
    private final String name;
    private final RunFiles files;
    private final LineTail tail;
    private final Samples samples;
    private final RunProcess process;
    /** The last events, for pages that come back. */
    private final Deque<Event> kept = new ArrayDeque<>();
    private long keptBytes;
    private RunView view = new RunView();
    private long generation;
    private String lastState = "";
    private byte[] page;
    /** Whether the run's process has been seen, so that it would be. */
    private boolean hasBeenSeen;
    private boolean isOver;
    private boolean owesReset;
    private long lastReset = System.nanoTime() - RESET_NANOS;
    private boolean hasMoreSamples;

    /**
     * A run.
     *
     * @param number by which pages name it
     * @param name how it is called
     * @param generation a number that no watcher of it has given before
     */
    WatchedRun(int number, Path folder, String name, long generation) {
        this.number = number;
        this.name = name;
        this.files = new RunFiles(folder);
        this.tail = new LineTail(files, METRICS);
        this.samples = new Samples(files);
        this.process = new RunProcess(folder);
        this.generation = generation;
    }

    String name() {
        return name;
    }

    Samples samples() {
        return samples;
    }

    /**
     * Reads what is new, a bounded part of it.
     *
     * @param tick number of the poll; a run that is over is looked at less often, and so are samples
     * @param told hears events in their order, while this run is locked
     * @return whether there may be more to read at once
     */
    boolean poll(int tick, Consumer<Event> told) {
        if (isOver && tick % OVER_EVERY != 0) {
            return false;
        }
        List<String> changed = hasMoreSamples || tick % SAMPLES_EVERY == 0 ? samples.refresh(SAMPLES_NANOS) : List.of();
        hasMoreSamples = !changed.isEmpty();
        boolean alive = process.isAlive();
        synchronized (this) {
            long from = tail.offset();
            LineTail.Look look = tail.read(BYTES_A_POLL);
            if (look.restarted()) {
                view = new RunView();
                generation++;
            }
            List<ObjectNode> lines = add(look);
            List<Event> events = new ArrayList<>();
            owesReset |= look.restarted() || look.lines().size() > MOST_LINES;
            if (owesReset) {
                page = null;
                // While much is read, pages come for it now and then.
                if (!look.more() || System.nanoTime() - lastReset > RESET_NANOS) {
                    owesReset = false;
                    lastReset = System.nanoTime();
                    events.add(reset());
                }
            } else if (tail.offset() > from) {
                events.add(lines(from, lines));
            }
            if (!changed.isEmpty()) {
                events.add(slices(changed));
            }
            ObjectNode state = state(look.exists(), alive);
            if (!Json.write(state).equals(lastState)) {
                lastState = Json.write(state);
                events.add(event("state", node -> node.set("state", state)));
            }
            if (!events.isEmpty()) {
                page = null;
                events.forEach(event -> tell(event, told));
            }
            boolean more = look.more() || hasMoreSamples;
            isOver = !more && (view.isFinished() || !alive && state.path("word").asText().equals("stopped"));
            return more;
        }
    }

    private List<ObjectNode> add(LineTail.Look look) {
        List<ObjectNode> lines = new ArrayList<>();
        for (byte[] line : look.lines()) {
            ObjectNode seen = view.add(line);
            if (seen != null) {
                lines.add(seen);
            }
        }
        for (int i = 0; i < look.passedOver(); i++) {
            view.addBroken();
        }
        return lines;
    }

    private void tell(Event event, Consumer<Event> told) {
        kept.add(event);
        keptBytes += event.data().length;
        while (kept.size() > KEPT || keptBytes > KEPT_BYTES && kept.size() > 1) {
            keptBytes -= kept.remove().data().length;
        }
        told.accept(event);
    }

    private String position() {
        return number + ":" + Long.toString(generation, 36) + ":" + tail.offset();
    }

    private Event event(String type, Consumer<ObjectNode> fill) {
        ObjectNode node = Json.mapper().createObjectNode().put("run", number);
        node.put("generation", Long.toString(generation, 36)).put("to", tail.offset());
        fill.accept(node);
        return Event.of(number, type, node, position());
    }

    private Event reset() {
        return event("reset", node -> { });
    }

    private Event lines(long from, List<ObjectNode> lines) {
        return event("lines", node -> {
            ArrayNode array = node.put("from", from).putArray("lines");
            lines.forEach(array::add);
        });
    }

    private Event slices(List<String> changed) {
        return event("slices", node -> {
            ArrayNode list = node.putArray("slices");
            for (String key : changed) {
                ObjectNode summary = samples.summary(key);
                list.add(summary == null ? Json.mapper().createObjectNode().put("key", key).put("gone", true) : summary);
            }
        });
    }

    /** What is to be known of the run beside its lines. */
    private ObjectNode state(boolean exists, boolean alive) {
        ObjectNode state = Json.mapper().createObjectNode();
        RunFiles.Version version = files.version(METRICS);
        long modified = version == null ? 0 : version.modified();
        boolean isFresh = System.currentTimeMillis() - modified < QUIET_MILLIS;
        String word;
        if (!exists) {
            word = tail.offset() > 0 ? "gone" : alive ? "starting" : "waiting";
        } else if (view.isFinished()) {
            word = "finished";
        } else {
            hasBeenSeen |= alive;
            // On another machine, or without the system's table, only what it writes tells of a process.
            word = alive || isFresh && !hasBeenSeen ? "running" : "stopped";
        }
        state.put("word", word).put("folder", Files.isDirectory(files.folder())).put("checkpoint", RunPage.checkpoint(files));
        // Of a run that writes, each line tells the time.
        return word.equals("running") ? state : state.put("modified", modified / 1000.0);
    }

    /** Everything but rows, for a page that has nothing. */
    synchronized byte[] page() {
        if (page == null) {
            ObjectNode node = RunPage.json(files, view, samples);
            node.put("name", name).put("generation", Long.toString(generation, 36)).put("to", tail.offset());
            if (!lastState.isEmpty()) {
                node.set("state", Json.parse(lastState, "state"));
            }
            page = Json.write(node).getBytes(StandardCharsets.UTF_8);
        }
        return page;
    }

    /**
     * Begins to tell a page: what it has missed where that is still known, else that it is to fetch the run.
     *
     * @param last the position that it has, or null
     * @param begin is given the first events while no other can come
     */
    synchronized void join(String last, Consumer<List<Event>> begin) {
        List<Event> missed = null;
        if (last != null && last.equals(position())) {
            missed = List.of();
        }
        List<Event> after = new ArrayList<>();
        for (Event event : kept) {
            after.add(event);
            if (event.moves() && event.position().equals(last)) {
                after.clear();
                missed = after;
            }
        }
        begin.accept(missed == null ? List.of(reset()) : missed);
    }
}
