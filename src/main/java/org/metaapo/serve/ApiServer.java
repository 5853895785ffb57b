package org.metaapo.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Json;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP server: who may ask, which path is whose, and what becomes of a failure. It listens once it is made, and answers once it is
 * {@link #start started}, so that a port that is taken shows before a model is loaded.
 */
public final class ApiServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ApiServer.class);
    private static final int BACKLOG = 1024;
    private static final int HEADER_SECONDS = 120;
    private static final long SLEEP_MILLIS = 20;
    private static final Set<String> LOOPBACK_NAMES = Set.of("localhost", "127.0.0.1", "[::1]");

    private final ServeOptions options;
    private final HttpServer server;
    private final boolean loopback;
    private final ThreadPoolExecutor threads;
    private final Watchdog watchdog = new Watchdog();
    private final Map<String, Map<String, Endpoint>> endpoints = new HashMap<>();
    private final AtomicInteger exchanges = new AtomicInteger();
    private volatile boolean stopping;

    /** What answers one method of one path. */
    interface Endpoint {
        void serve(Call call) throws IOException, InterruptedException;
    }

    /** @throws UsageException if the address cannot be listened on */
    public ApiServer(ServeOptions options) {
        this.options = options;
        // The JDK's server reads these once, and has no other way to be told.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        System.setProperty("sun.net.httpserver.maxReqTime", String.valueOf(HEADER_SECONDS));
        try {
            InetAddress address = InetAddress.getByName(options.host());
            loopback = address.isLoopbackAddress();
            server = HttpServer.create(new InetSocketAddress(address, options.port()), BACKLOG);
        } catch (UnknownHostException e) {
            throw new UsageException("--host is " + options.host() + ", which is no address of this machine", e);
        } catch (BindException e) {
            throw new UsageException("cannot listen on port " + options.port() + " of " + options.host() + ": " + e.getMessage()
                    + "; choose another with --port, or end what listens there", e);
        } catch (IOException e) {
            throw new RunFailedException("cannot listen on " + options.host() + ":" + options.port() + ": " + e.getMessage(), e);
        }
        threads = new ThreadPoolExecutor(0, options.threads(), 30, TimeUnit.SECONDS, new SynchronousQueue<>(), work -> {
            Thread thread = new Thread(work, "client");
            thread.setDaemon(true);
            return thread;
        });
        server.setExecutor(threads);
        options.pages().forEach((path, page) -> on("GET", path, call -> {
            call.set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'");
            call.set("X-Content-Type-Options", "nosniff");
            call.send(200, page.contentType(), page.body());
        }));
    }

    private void on(String method, String path, Endpoint endpoint) {
        endpoints.computeIfAbsent(path, any -> new TreeMap<>()).put(method, endpoint);
    }

    /** The port, also where any was asked for. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** The address as it stands in a URL. */
    String shownHost() {
        return options.host().contains(":") ? "[" + options.host() + "]" : options.host();
    }

    /** Whether only this machine reaches it. */
    public boolean isLoopback() {
        return loopback;
    }

    /** Begins to answer for models. Their numbers are told where there is one, for they are of one generator. */
    void start(ServedModels served) {
        Map<ServedModel, AnswerEndpoint> answers = new IdentityHashMap<>();
        Metrics metrics = new Metrics();
        served.all().forEach(model -> answers.put(model, new AnswerEndpoint(model, metrics)));
        ModelEndpoint models = new ModelEndpoint(served);
        on("POST", "/v1/chat/completions", call -> {
            Fields fields = call.fields();
            answers.get(served.named(fields)).chat(call, fields);
        });
        on("POST", "/v1/completions", call -> {
            Fields fields = call.fields();
            answers.get(served.named(fields)).complete(call, fields);
        });
        on("GET", ModelEndpoint.MODELS, models::list);
        on("GET", ModelEndpoint.MODELS + "/", models::one);
        on("POST", "/tokenize", models::tokenize);
        on("POST", "/detokenize", models::detokenize);
        on("GET", "/tokenizer_info", models::tokenizerInfo);
        on("GET", "/health", call -> call.send(200, Json.mapper().createObjectNode().put("status", "ok")));
        if (served.all().size() == 1) {
            ServedModel model = served.all().get(0);
            on("GET", "/metrics", call -> call.send(200, "text/plain; version=0.0.4; charset=utf-8",
                    metrics.text(model.id(), model.loop().state()).getBytes(StandardCharsets.UTF_8)));
        }
        server.createContext("/", this::handle);
        server.start();
    }

    /** What fails on the way to a client is thrown: the JDK's server then forgets the connection, which it does not when it is only closed. */
    private void handle(HttpExchange exchange) throws IOException {
        exchanges.incrementAndGet();
        Call call = new Call(exchange, watchdog);
        try {
            serve(call);
        } catch (ApiException e) {
            call.fail(e, false);
        } catch (InterruptedException e) {
            throw new IOException("a client took too long", e);
        } catch (RuntimeException | StackOverflowError e) {
            LOG.error("a request failed", e);
            if (call.hasBegun()) {
                throw new IOException("an answer failed", e);
            }
            call.fail(new ApiException(500, "server_error", null, null, "a bug in the server: " + e), false);
        } finally {
            exchanges.decrementAndGet();
        }
        exchange.close();
    }

    private void serve(Call call) throws IOException, InterruptedException {
        checkHost(call);
        boolean preflight = allowOrigin(call);
        if (preflight) {
            call.send(204, "text/plain", new byte[0]);
            return;
        }
        if (stopping) {
            call.set("Retry-After", "5");
            throw new ApiException(503, "server_error", null, "stopping", "the server is stopping");
        }
        String path = call.path();
        boolean named = path.startsWith(ModelEndpoint.MODELS + "/");
        Map<String, Endpoint> methods = endpoints.get(named ? ModelEndpoint.MODELS + "/" : path);
        if (!path.equals("/health") && !options.pages().containsKey(path)) {
            checkKey(call);
        }
        if (methods == null) {
            throw new ApiException(404, "invalid_request_error", null, "not_found", "nothing is served at " + path);
        }
        Endpoint endpoint = methods.get(call.method());
        if (endpoint == null) {
            String allowed = String.join(", ", methods.keySet());
            call.set("Allow", allowed);
            throw new ApiException(405, "invalid_request_error", null, "method_not_allowed", path + " takes " + allowed + ", not " + call.method());
        }
        endpoint.serve(call);
    }

    /** A page of another site whose name leads to this machine sends its own name. */
    private void checkHost(Call call) {
        if (!loopback) {
            return;
        }
        String host = call.header("Host");
        String name = host == null ? "" : host.replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT);
        if (!LOOPBACK_NAMES.contains(name) && !name.equalsIgnoreCase(options.host())) {
            throw new ApiException(403, "invalid_request_error", null, "host_not_allowed",
                    "the Host header is " + (host == null ? "missing" : Json.write(host)) + "; expected localhost, 127.0.0.1 or [::1]");
        }
    }

    /** Refuses pages of other sites, for a browser sends them before it asks whether it may; returns whether that is what it asks. */
    private boolean allowOrigin(Call call) {
        String origin = call.header("Origin");
        boolean allowed = options.cors() != null && (options.cors().equals("*") || options.cors().equals(origin));
        if (allowed && origin != null) {
            call.set("Access-Control-Allow-Origin", options.cors());
            call.set("Vary", "Origin");
        }
        boolean own = origin == null || origin.replaceFirst("^https?://", "").equals(call.header("Host"));
        if (!own && !allowed) {
            throw new ApiException(403, "invalid_request_error", null, "origin_not_allowed",
                    "pages of " + Json.write(origin) + " may not ask here; --cors allows one origin");
        }
        if (!call.method().equals("OPTIONS") || !allowed) {
            return false;
        }
        call.set("Access-Control-Allow-Methods", "GET, POST");
        String asked = call.header("Access-Control-Request-Headers");
        call.set("Access-Control-Allow-Headers", asked != null && asked.matches("[\\w, -]{1,500}") ? asked : "authorization, content-type");
        call.set("Access-Control-Max-Age", "600");
        return true;
    }

    private void checkKey(Call call) {
        if (options.key() == null) {
            return;
        }
        String given = call.header("Authorization");
        String wanted = "Bearer " + options.key();
        if (given == null || !MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8), wanted.getBytes(StandardCharsets.UTF_8))) {
            call.set("WWW-Authenticate", "Bearer");
            throw new ApiException(401, "invalid_request_error", null, "invalid_api_key",
                    given == null ? "no API key; send it as Authorization: Bearer KEY" : "the API key is not the server's");
        }
    }

    /** From now on requests are refused with 503; waits for those that are answered, at most so long. Returns whether all have ended. */
    boolean drain(long millis) throws InterruptedException {
        stopping = true;
        long deadline = System.nanoTime() + millis * 1_000_000;
        while (exchanges.get() > 0 && System.nanoTime() - deadline < 0) {
            Thread.sleep(SLEEP_MILLIS);
        }
        return exchanges.get() == 0;
    }

    @Override
    public void close() {
        stopping = true;
        server.stop(0);
        threads.shutdownNow();
        watchdog.close();
    }
}
