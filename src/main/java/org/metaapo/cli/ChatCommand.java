package org.metaapo.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.metaapo.adapter.AdaptedFolder;
import org.metaapo.adapter.AdapterFolder;
import org.metaapo.chat.Chat;
import org.metaapo.chat.ChatFile;
import org.metaapo.chat.ChatModel;
import org.metaapo.chat.ChatPage;
import org.metaapo.chat.ChatSession;
import org.metaapo.chat.ChatSettings;
import org.metaapo.config.RunConfig;
import org.metaapo.engine.Engine;
import org.metaapo.engine.Head;
import org.metaapo.engine.Network;
import org.metaapo.error.UsageException;
import org.metaapo.files.SamePath;
import org.metaapo.jobs.Policy;
import org.metaapo.report.HtmlPage;
import org.metaapo.serve.ServeRoom;
import org.metaapo.text.ChatOptions;
import org.metaapo.text.Conversation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code metaapo chat}. */
@Command(name = "chat", description = "Talk with a model, or with two at once.", mixinStandardHelpOptions = true)
final class ChatCommand implements Callable<Integer> {
    private static final int CONTEXT = 8192;
    private static final int IN = 0;
    private static final int LAST_PORT = 65_535;
    /** Requests of other tabs that may wait. */
    private static final int QUEUE = 64;

    @Mixin
    private CommonOptions common;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "folder of the model")
    private Path model;

    @Mixin
    private AdapterOption adapter;

    @Mixin
    private QuantizeOption quantize;

    @Option(names = "--against", paramLabel = "DIR",
            description = "a second model, which gets the same messages; or the folder of an adapter over the model of --model")
    private Path against;

    @Option(names = "--system", paramLabel = "TEXT", description = "what the system says before the first message")
    private String system;

    @Option(names = "--load", paramLabel = "FILE", description = "go on from what /save wrote, or from a data file of conversations")
    private Path load;

    @Option(names = "--temperature", paramLabel = "X", description = "0: the most probable token each time (default: ${DEFAULT-VALUE})", defaultValue = "1")
    private String temperature;

    @Option(names = "--top-p", paramLabel = "P", description = "default: ${DEFAULT-VALUE}", defaultValue = "1")
    private String topP;

    @Option(names = "--top-k", paramLabel = "N", description = "0: all (default)", defaultValue = "0")
    private String topK;

    @Option(names = "--max-new-tokens", paramLabel = "N", description = "longest answer (default: ${DEFAULT-VALUE})", defaultValue = "1024")
    private String maxNewTokens;

    @Option(names = "--context", paramLabel = "N",
            description = "tokens of the whole conversation (default: the model's positions, 8192 at most)")
    private Integer context;

    @Mixin
    private TemplateOptions template;

    @Option(names = "--web", description = "talk in a browser, on a page that this machine alone reaches, until Ctrl-C")
    private boolean web;

    @Option(names = "--port", paramLabel = "N", description = "of the page; 0: any that is free (default: ${DEFAULT-VALUE})", defaultValue = "8771")
    private int port;

    @Override
    public Integer call() {
        ChatSettings settings = settings();
        if (port < 0 || port > LAST_PORT) {
            throw new UsageException("--port is " + port + "; expected 0 to " + LAST_PORT);
        }
        Map<String, Object> variables = template.variables(RunConfig.defaults(List.of()));
        try (Policy first = open(model, adapter.path());
                Policy second = against == null ? null : openAgainst()) {
            List<Policy> policies = second == null ? List.of(first) : List.of(first, second);
            policies.forEach(policy -> {
                policy.folder().requireHead(Head.LM);
                context(policy);
            });
            List<Conversation> begun = load == null
                    ? Collections.nCopies(policies.size(), new Conversation(List.of(), null, null, variables)) : ChatFile.read(load, policies.size(), variables);
            if (web) {
                ChatServer.run(common, policies, policy -> new ServeRoom(1, context(policy), QUEUE, settings.maxNewTokens(), common.seed()),
                        pages(settings, begun, policies), variables, port);
                return 0;
            }
            try (Engine engine = common.open();
                    AdaptedFolder.Loaded weights = load(first, engine);
                    AdaptedFolder.Loaded others = second == null || isOver(second, first) ? null : load(second, engine)) {
                List<Network> networks = new ArrayList<>(List.of(weights.network()));
                if (second != null) {
                    networks.add(others == null ? second.folder().on(weights.model()) : others.network());
                }
                talk(policies, networks, settings, begun, variables);
            }
        }
        return 0;
    }

    private Map<String, HtmlPage.Part> pages(ChatSettings settings, List<Conversation> begun, List<Policy> policies) {
        return ChatPage.parts(settings, system, begun, policies.stream().map(policy -> policy.format().hasTemplate()).toList());
    }

    private ChatSettings settings() {
        ChatSettings settings = new ChatSettings();
        settings.set("temperature", "--temperature", temperature);
        settings.set("top_p", "--top-p", topP);
        settings.set("top_k", "--top-k", topK);
        settings.set("max_new_tokens", "--max-new-tokens", maxNewTokens);
        settings.set("seed", "--seed", Long.toString(common.seed()));
        return settings;
    }

    private Policy open(Path folder, Path over) {
        return Policy.open(folder, over, quantize.asked(), template.over(ChatOptions.DEFAULT));
    }

    private Policy openAgainst() {
        boolean isAdapter = Files.isRegularFile(against.resolve(AdapterFolder.CONFIG)) && !Files.exists(against.resolve("config.json"));
        return isAdapter ? open(model, against) : open(against, null);
    }

    /** Whether both run on the same weights, which are then loaded once. */
    private static boolean isOver(Policy second, Policy first) {
        return SamePath.same(second.folder().base().path(), first.folder().base().path());
    }

    private AdaptedFolder.Loaded load(Policy policy, Engine engine) {
        try (ProgressView view = common.view()) {
            view.begin("loading", 0);
            return policy.load(engine, common.dtype());
        }
    }

    private int context(Policy policy) {
        int positions = policy.config().maxPositions();
        if (context != null && (context < 2 || context > positions)) {
            throw new UsageException("--context is " + context + "; expected 2 to " + positions + ", the positions of " + policy.folder().name());
        }
        return context == null ? Math.min(positions, CONTEXT) : context;
    }

    private void talk(
            List<Policy> policies, List<Network> networks, ChatSettings settings, List<Conversation> begun, Map<String, Object> variables) {
        List<ChatModel> models = new ArrayList<>();
        try {
            for (int i = 0; i < policies.size(); i++) {
                Policy policy = policies.get(i);
                models.add(new ChatModel(policy.folder().name(), policy.format(), networks.get(i), context(policy), policy.config().maxPositions()));
            }
            Chat chat = new Chat(models, begun, settings);
            if (system != null) {
                chat.system(system);
            }
            boolean outIsTerminal = TerminalOutput.isTerminal(TerminalOutput.OUT);
            ChatSession.Place place = new ChatSession.Place(
                    TerminalOutput.isTerminal(IN), TerminalOutput.isCapable(IN, System.getenv()), outIsTerminal,
                    TerminalOutput.colour(TerminalOutput.Colour.AUTO, outIsTerminal, System.getenv()), TerminalOutput.columns(System.getenv()));
            new ChatSession(chat, variables, place, common.quiet()).run(Signals::handle);
        } finally {
            models.forEach(ChatModel::close);
        }
    }
}
