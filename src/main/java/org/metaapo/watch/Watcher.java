package org.metaapo.watch;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.metaapo.files.Json;

/** Polls runs, finds new ones, and tells the pages that listen. */
final class Watcher implements AutoCloseable {
    private static final long POLL_MILLIS = 500;
    /** How many polls there are to a look for new runs. */
    private static final int LOOK_EVERY = 4;

    private final RunFinder finder;
    private final List<Path> folders = new ArrayList<>();
    private final List<WatchedRun> runs = new CopyOnWriteArrayList<>();
    private final Set<Page> pages = ConcurrentHashMap.newKeySet();
    private final SecureRandom random = new SecureRandom();
    private final Thread thread = new Thread(this::loop, "watch");
    private volatile boolean isClosed;

    Watcher(RunFinder finder) {
        this.finder = finder;
        look();
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** The run of a number; null where there is none. */
    WatchedRun run(int number) {
        return number >= 0 && number < runs.size() ? runs.get(number) : null;
    }

    /** Numbers and names of the runs. */
    ObjectNode list() {
        ObjectNode node = Json.mapper().createObjectNode();
        ArrayNode list = node.putArray("runs");
        runs.forEach(run -> list.addObject().put("name", run.name()));
        return node;
    }

    private void look() {
        List<Path> found = new ArrayList<>(finder.find());
        found.removeAll(folders);
        List<Path> all = new ArrayList<>(folders);
        all.addAll(found);
        for (Path folder : found) {
            folders.add(folder);
            runs.add(new WatchedRun(runs.size(), folder, RunFinder.name(folder, all), random.nextLong() >>> 2));
        }
        if (!found.isEmpty()) {
            pages.forEach(page -> page.tell(runsEvent()));
        }
    }

    private Event runsEvent() {
        return Event.of(0, "runs", list(), null);
    }

    private void loop() {
        for (int tick = 0; !isClosed; tick++) {
            try {
                boolean more = false;
                if (tick % LOOK_EVERY == 0) {
                    look();
                }
                for (WatchedRun run : runs) {
                    more |= poll(run, tick);
                }
                pages.stream().filter(Page::isStuck).forEach(page -> {
                    page.abandon();
                    pages.remove(page);
                });
                Thread.sleep(more ? 1 : POLL_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private boolean poll(WatchedRun run, int tick) {
        return run.poll(tick, event -> pages.forEach(page -> page.tell(event)));
    }

    /** Has a page hear from now on; {@code last} is the id that it has heard last, or null. */
    void join(Page page, String last) {
        Map<Integer, String> positions = Page.positions(last);
        page.tell(runsEvent());
        pages.add(page);
        for (int i = 0; i < runs.size(); i++) {
            runs.get(i).join(positions.get(i), events -> events.forEach(page::tell));
        }
    }

    void leave(Page page) {
        pages.remove(page);
    }

    int pages() {
        return pages.size();
    }

    /** Reads what was written until now, and tells it before it ends. */
    @Override
    public void close() {
        isClosed = true;
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        runs.forEach(run -> poll(run, 0));
        pages.forEach(Page::close);
    }
}
