package org.metaapo.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.metaapo.engine.Engine;
import org.metaapo.jobs.Policy;
import org.metaapo.report.HtmlPage;
import org.metaapo.serve.ApiServer;
import org.metaapo.serve.ModelServer;
import org.metaapo.serve.Page;
import org.metaapo.serve.ServeOptions;
import org.metaapo.serve.ServeRoom;
import org.metaapo.train.StopSignal;

/** {@code metaapo chat --web}: the page of a chat on a server of its models, which this machine alone reaches. */
final class ChatServer {
    private static final String HOST = "127.0.0.1";
    private static final int THREADS = 160;

    private ChatServer() {}

    /** Serves until it is asked to stop. */
    static void run(
            CommonOptions common, List<Policy> policies, Function<Policy, ServeRoom> rooms, Map<String, HtmlPage.Part> parts, Map<String, Object> variables, int port) {
        StopSignal stop = Signals.askToStop("stopping");
        Map<String, Page> pages = new LinkedHashMap<>();
        parts.forEach((path, part) -> pages.put(path, new Page(part.type(), part.bytes())));
        List<Engine> engines = new ArrayList<>();
        try (ApiServer api = new ApiServer(new ServeOptions(HOST, port, null, null, THREADS, pages));
                ProgressView view = common.view()) {
            List<ModelServer.Source> sources = new ArrayList<>();
            List<String> names = names(policies);
            for (int i = 0; i < policies.size(); i++) {
                engines.add(common.open());
                sources.add(new ModelServer.Source(names.get(i), policies.get(i), engines.get(i)));
            }
            view.begin("loading", 0);
            try (ModelServer server = new ModelServer(api, sources, common.dtype(), rooms, variables, view::note)) {
                view.end();
                // Not a note, for --quiet leaves no other way to know.
                System.err.println(String.join(" against ", names) + " at http://" + HOST + ":" + api.port() + "/; Ctrl-C ends it");
                ServeCommand.await(stop);
            }
        } finally {
            engines.forEach(Engine::close);
        }
    }

    /** As short as tells them apart. */
    private static List<String> names(List<Policy> policies) {
        List<String> names = policies.stream().map(policy -> ServeCommand.name(policy.folder().path())).toList();
        if (names.stream().distinct().count() == names.size()) {
            return names;
        }
        List<String> whole = policies.stream().map(policy -> policy.folder().name()).collect(Collectors.toList());
        if (whole.get(0).equals(whole.get(whole.size() - 1))) {
            whole.set(whole.size() - 1, whole.get(0) + " (again)");
        }
        return whole;
    }
}
