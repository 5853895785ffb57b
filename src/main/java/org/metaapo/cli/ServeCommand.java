package org.metaapo.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.error.UsageException;
import org.metaapo.jobs.Policy;
import org.metaapo.serve.ApiServer;
import org.metaapo.serve.ModelServer;
import org.metaapo.serve.ServeOptions;
import org.metaapo.serve.ServeRoom;
import org.metaapo.text.ChatOptions;
import org.metaapo.train.StopSignal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo serve}. */
@Command(name = "serve", description = "Serves a model at an OpenAI-compatible address, until Ctrl-C.", mixinStandardHelpOptions = true,
        footer = {"", "The environment variable METAAPO_API_KEY is the key that clients must send; without it there is none."})
final class ServeCommand implements Callable<Integer> {
    private static final long POLL_MILLIS = 100;
    /** Threads for clients beside those that are answered: for those that ask for metrics, or are refused. */
    private static final int MORE_THREADS = 64;
    private static final int MOST = 65_536;

    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the model")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Mixin
    private TemplateOptions template;

    @Option(names = "--name", paramLabel = "ID", description = "the model's name in requests (default: its folder's)")
    private String name;

    @Option(names = "--host", paramLabel = "H", description = "address to listen on (default: ${DEFAULT-VALUE}, this machine alone)", defaultValue = "127.0.0.1")
    private String host;

    @Option(names = "--port", paramLabel = "N", description = "0: any that is free (default: ${DEFAULT-VALUE})", defaultValue = "8000")
    private int port;

    @Option(names = "--cors", paramLabel = "ORIGIN", description = "let web pages of this origin ask, such as http://localhost:3000; *: all")
    private String cors;

    @Option(names = "--sequences", paramLabel = "N", description = "answers written at once (default: ${DEFAULT-VALUE})", defaultValue = "64")
    private int sequences;

    @Option(names = "--max-queue", paramLabel = "N", description = "requests that may wait beside as many that run; more get status 429 (default: ${DEFAULT-VALUE})",
            defaultValue = "256")
    private int queue;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "longest answer, where a request does not say (default: ${DEFAULT-VALUE})",
            defaultValue = "1024")
    private int newTokens;

    @Option(names = "--cache-tokens", paramLabel = "N", description = "tokens of all prompts and answers at once; 0: what half of the free memory holds, on a CPU 2 GiB at most (default)",
            defaultValue = "0")
    private long cacheTokens;

    @Override
    public Integer call() {
        require(port >= 0 && port <= 65_535, "--port is " + port + "; expected 0 to 65535");
        require(sequences >= 1 && sequences <= MOST, "--sequences is " + sequences + "; expected 1 to " + MOST);
        require(queue >= 0 && queue <= MOST, "--max-queue is " + queue + "; expected 0 to " + MOST);
        require(newTokens >= 1, "--max-new-tokens is " + newTokens + "; expected 1 or more");
        require(cacheTokens >= 0 && cacheTokens <= Integer.MAX_VALUE / 2, "--cache-tokens is " + cacheTokens + "; expected 0 to " + Integer.MAX_VALUE / 2);
        require(cors == null || cors.equals("*") || cors.matches("https?://[^/\\s]+"), "--cors is " + cors
                + "; expected an origin, such as http://localhost:3000, or *");
        require(name == null || !name.isBlank(), "--name is empty; expected a name");
        String key = System.getenv("METAAPO_API_KEY");
        require(key == null || !key.isBlank(), "METAAPO_API_KEY is empty; unset it for no key");
        ServeOptions options = new ServeOptions(host, port, cors, key, sequences + queue + MORE_THREADS, Map.of());
        ServeRoom room = new ServeRoom(sequences, cacheTokens, queue, newTokens, common.seed());
        try (Policy policy = Policy.open(model, adapter.path(), quantize.asked(), template.over(ChatOptions.DEFAULT))) {
            policy.folder().requireHead(Head.LM);
            serve(policy, options, room);
        }
        return 0;
    }

    private void serve(Policy policy, ServeOptions options, ServeRoom room) {
        StopSignal stop = Signals.askToStop("stopping: requests are refused, those that are being answered have half a minute");
        try (ApiServer api = new ApiServer(options);
                Engine engine = common.open();
                ProgressView view = common.view();
                ModelServer server = new ModelServer(api, policy, engine, common.dtype(), name == null ? name(model) : name, room,
                        template.variables(RunConfig.defaults(List.of())), view::note)) {
            if (options.key() == null && !api.isLoopback()) {
                view.note("anyone who reaches this address may use it: METAAPO_API_KEY is not set");
            }
            await(stop);
            if (!server.drain()) {
                view.note("some requests were not answered to their end");
            }
        }
    }

    /** The last part of a path that says something: results of runs are all named model. */
    static String name(Path folder) {
        Path path = folder.toAbsolutePath().normalize();
        Path last = path.getFileName();
        if (last != null && last.toString().equals("model") && path.getNameCount() > 1) {
            return path.getName(path.getNameCount() - 2).toString();
        }
        return last == null ? "model" : last.toString();
    }

    /** Waits until the stop is asked for. */
    static void await(StopSignal stop) {
        while (!stop.isRequested()) {
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new UsageException(message);
        }
    }
}
