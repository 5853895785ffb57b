package org.metaapo.watch;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.metaapo.report.HtmlPage;
import org.metaapo.report.Report;

/**
 * The live page: {@code /} and its parts; {@code /runs/N}, a run's data; {@code /runs/N/slices/E.S}, numbers of a slice's rows, and below
 * it {@code /rows/I}, {@code /prompts?rows=} and {@code /find?text=}; {@code /events}, all that changes. Runs and rows go by numbers, and
 * no part of a request ever names a file.
 */
public final class WatchServer implements AutoCloseable {
    /** Where it listens by default. */
    public static final int PORT = 8770;

    private static final int LAST_PORT = 65_535;
    private static final int MOST_THREADS = 160;
    private static final int MOST_PAGES = 100;
    private static final int MOST_ROWS = 50_000;
    private static final int MOST_PROMPTS = 100;
    private static final int LONGEST_TEXT = 500;
    private static final long LAST_WORDS_MILLIS = 1000;
    private static final Pattern RUN = Pattern.compile("/runs/([0-9]{1,6})");
    private static final Pattern SLICE = Pattern.compile("/runs/([0-9]{1,6})/slices/([0-9]{1,9}\\.[0-9]{1,9})(?:/(rows/([0-9]{1,9})|prompts|find))?");
    private static final String JSON = "application/json";

    private final HttpServer server;
    private final ExecutorService threads;
    private final Watcher watcher;
    private final Access access;
    /** Streams that are open, those whose other side reads no more among them. */
    private final AtomicInteger listening = new AtomicInteger();
    private final Map<String, HtmlPage.Part> parts = Report.live();

    private WatchServer(HttpServer server, Watcher watcher) {
        this.server = server;
        this.watcher = watcher;
        this.access = Access.of(server.getAddress().getAddress(), server.getAddress().getPort());
        this.threads = new ThreadPoolExecutor(2, MOST_THREADS, 30, TimeUnit.SECONDS, new SynchronousQueue<>(), work -> {
            Thread thread = new Thread(work, "watch page");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Starts to watch.
     *
     * @param folders of runs, or above runs
     * @param host address to bind to
     * @param port 0 for one that is free
     * @throws UsageException if there is no such host, or the port is none
     * @throws RunFailedException if the port cannot be had
     */
    public static WatchServer start(List<Path> folders, String host, int port) {
        if (port < 0 || port > LAST_PORT) {
            throw new UsageException("port " + port + ": expected 0 to " + LAST_PORT);
        }
        InetAddress address;
        try {
            address = InetAddress.getByName(host);
        } catch (UnknownHostException e) {
            throw new UsageException("--host " + host + ": no such address; expected one of this machine, such as 127.0.0.1 or 0.0.0.0");
        }
        HttpServer server;
        try {
            server = HttpServer.create(new InetSocketAddress(address, port), 0);
        } catch (IOException e) {
            throw new RunFailedException("port " + port + " of " + host + " cannot be had (" + e.getMessage() + "); choose another with --port");
        }
        WatchServer watch = new WatchServer(server, new Watcher(new RunFinder(folders)));
        server.createContext("/", watch::handle);
        server.setExecutor(watch.threads);
        watch.watcher.start();
        server.start();
        return watch;
    }

    /** Where the page is, with the token where one is needed. */
    public String address() {
        InetSocketAddress bound = server.getAddress();
        String host = bound.getAddress().isAnyLocalAddress() ? localName() : bound.getAddress().getHostAddress();
        String shown = host.contains(":") ? "[" + host + "]" : host;
        return "http://" + shown + ":" + bound.getPort() + "/" + (access.token() == null ? "" : "?token=" + access.token());
    }

    private static String localName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** The port. */
    public int port() {
        return server.getAddress().getPort();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            secure(exchange.getResponseHeaders());
            String path = exchange.getRequestURI().getRawPath();
            if (!access.isHostAllowed(exchange)) {
                refuse(exchange, 403, "this page is served to localhost and 127.0.0.1 only");
            } else if (!exchange.getRequestMethod().equals("GET")) {
                exchange.getResponseHeaders().set("Allow", "GET");
                refuse(exchange, 405, "there is only GET");
            } else if (access.token() != null && path.equals("/") && access.isToken(query(exchange, "token"))) {
                exchange.getResponseHeaders().set("Set-Cookie", access.setCookie());
                exchange.getResponseHeaders().set("Location", "/");
                exchange.sendResponseHeaders(303, -1);
            } else if (!access.isKnown(exchange)) {
                refuse(exchange, 401, "open the address with the token that metaapo watch has printed");
            } else {
                answer(exchange, path);
            }
        }
    }

    private static void secure(Headers headers) {
        headers.set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        headers.set("Cache-Control", "no-store");
    }

    private void answer(HttpExchange exchange, String path) throws IOException {
        HtmlPage.Part part = parts.get(path);
        Matcher run = RUN.matcher(path);
        Matcher slice = SLICE.matcher(path);
        if (part != null) {
            send(exchange, part.type(), part.bytes());
        } else if (path.equals("/events")) {
            listen(exchange);
        } else if (path.equals("/runs")) {
            send(exchange, watcher.list());
        } else if (run.matches()) {
            WatchedRun found = watcher.run(Integer.parseInt(run.group(1)));
            send(exchange, JSON, found == null ? null : found.page());
        } else if (slice.matches()) {
            WatchedRun found = watcher.run(Integer.parseInt(slice.group(1)));
            send(exchange, found == null ? null : slice(exchange, found, slice));
        } else {
            refuse(exchange, 404, "there is no such page");
        }
    }

    private JsonNode slice(HttpExchange exchange, WatchedRun run, Matcher path) {
        String key = path.group(2);
        String part = path.group(3);
        if (part == null) {
            return run.samples().columns(key, MOST_ROWS);
        }
        if (part.equals("prompts")) {
            String rows = query(exchange, "rows");
            int[] indices = rows.matches("[0-9]{1,9}(,[0-9]{1,9})*")
                    ? Arrays.stream(rows.split(",")).limit(MOST_PROMPTS).mapToInt(Integer::parseInt).toArray() : new int[0];
            return run.samples().prompts(key, indices);
        }
        if (part.equals("find")) {
            String text = query(exchange, "text");
            return run.samples().find(key, text.substring(0, Math.min(LONGEST_TEXT, text.length())));
        }
        return run.samples().row(key, Integer.parseInt(path.group(4)));
    }

    private static String query(HttpExchange exchange, String name) {
        String query = exchange.getRequestURI().getRawQuery();
        for (String part : (query == null ? "" : query).split("&")) {
            if (part.startsWith(name + "=")) {
                try {
                    return URLDecoder.decode(part.substring(name.length() + 1), StandardCharsets.UTF_8);
                } catch (IllegalArgumentException e) {
                    return "";
                }
            }
        }
        return "";
    }

    private void listen(HttpExchange exchange) throws IOException {
        if (listening.incrementAndGet() > MOST_PAGES) {
            listening.decrementAndGet();
            refuse(exchange, 503, "too many pages are open");
            return;
        }
        Page page = null;
        try {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
            exchange.sendResponseHeaders(200, 0);
            page = new Page(exchange.getResponseBody());
            watcher.join(page, exchange.getRequestHeaders().getFirst("Last-Event-ID"));
            page.run();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            listening.decrementAndGet();
            if (page != null) {
                watcher.leave(page);
            }
        }
    }

    private static void send(HttpExchange exchange, JsonNode data) throws IOException {
        send(exchange, JSON, data == null ? null : Json.write(data).getBytes(StandardCharsets.UTF_8));
    }

    private static void send(HttpExchange exchange, String type, byte[] bytes) throws IOException {
        if (bytes == null) {
            refuse(exchange, 404, "there is nothing of that number");
            return;
        }
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    private static void refuse(HttpExchange exchange, int status, String why) throws IOException {
        byte[] bytes = (why + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, bytes.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    /** Tells the pages what was last written, and ends. */
    @Override
    public void close() {
        watcher.close();
        long until = System.currentTimeMillis() + LAST_WORDS_MILLIS;
        while (watcher.pages() > 0 && System.currentTimeMillis() < until) {
            try {
                Thread.sleep(10);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        server.stop(0);
        threads.shutdownNow();
    }
}
