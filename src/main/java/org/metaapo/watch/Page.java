package org.metaapo.watch;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** A page that listens: what it is still to be told, and the stream to it, which one thread writes. */
final class Page {
    private static final int MOST_WAITING = 512;
    private static final long MOST_BYTES = 1 << 23;
    private static final long PING_SECONDS = 15;
    /** A page that does not take what it is sent for so long is given up. */
    private static final long PATIENCE_NANOS = 20_000_000_000L;

    private final OutputStream out;
    private final LinkedBlockingQueue<Event> waiting = new LinkedBlockingQueue<>();
    /** Of the data of what is waiting. */
    private final AtomicLong bytes = new AtomicLong();
    private final Map<Integer, String> positions = new LinkedHashMap<>();
    private volatile boolean isClosed;
    /** Since when a write has been under way; 0 while none is. */
    private volatile long writingSince;

    Page(OutputStream out) {
        this.out = out;
    }

    /** Adds an event; one too many ends the page, which will come again. */
    void tell(Event event) {
        if (waiting.size() >= MOST_WAITING || bytes.get() > MOST_BYTES) {
            abandon();
        }
        if (!isClosed) {
            bytes.addAndGet(event.data().length);
            waiting.add(event);
        }
    }

    /** Ends the stream when what it is in is written. */
    void close() {
        isClosed = true;
        waiting.add(new Event(-1, "end", new byte[0], ""));
    }

    /** Tells it nothing more. A write that is under way cannot be ended here; its thread waits until the other side reads or goes. */
    void abandon() {
        isClosed = true;
        waiting.clear();
    }

    boolean isStuck() {
        long since = writingSince;
        return since != 0 && System.nanoTime() - since > PATIENCE_NANOS;
    }

    /** Writes until the page or this side ends the stream. */
    void run() throws IOException, InterruptedException {
        write("retry: 1000\n\n");
        while (!isClosed || !waiting.isEmpty()) {
            Event event = waiting.poll(PING_SECONDS, TimeUnit.SECONDS);
            if (event == null) {
                write("event: ping\ndata: {}\n\n");
            } else if (event.run() >= 0) {
                bytes.addAndGet(-event.data().length);
                write(event);
            }
        }
    }

    private void write(Event event) throws IOException {
        if (event.position() != null) {
            positions.put(event.run(), event.position());
        }
        write("id: " + String.join(",", positions.values()) + "\nevent: " + event.type() + "\ndata: "
                + new String(event.data(), StandardCharsets.UTF_8) + "\n\n");
    }

    private void write(String text) throws IOException {
        writingSince = System.nanoTime();
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
        writingSince = 0;
    }

    /** Positions of the runs in an id, by their numbers; empty for one that is none of these pages'. */
    static Map<Integer, String> positions(String id) {
        Map<Integer, String> positions = new LinkedHashMap<>();
        List<String> parts = id == null || id.length() > 1 << 14 ? List.of() : new ArrayList<>(List.of(id.split(",")));
        for (String part : parts) {
            if (part.matches("[0-9]{1,6}:-?[0-9a-z]{1,13}:[0-9]{1,18}")) {
                positions.put(Integer.parseInt(part.substring(0, part.indexOf(':'))), part);
            }
        }
        return positions;
    }
}
