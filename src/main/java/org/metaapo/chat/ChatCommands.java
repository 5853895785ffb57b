package org.metaapo.chat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.metaapo.config.Nearest;
import org.metaapo.error.UsageException;
import org.metaapo.files.HomeFolder;

/** What a line of a chat means: a message, or one of the commands that begin with a slash. */
public final class ChatCommands {
    /** A line that begins with a path or a comment is a message. */
    private static final Pattern FORM = Pattern.compile("/([A-Za-z?]+)(?:\\s+(.*))?", Pattern.DOTALL);

    private final Chat chat;
    private final Map<String, Object> variables;
    private final Supplier<AnswerView> view;
    private final BooleanSupplier stop;
    private final Consumer<String> say;

    /** A command by its name. */
    private enum Command {
        HELP("", "what there is", List.of("?")),
        SYSTEM("[TEXT]", "say a system's text from now on; \"\" takes it away; alone shows it", List.of()),
        REGEN("", "answer the last message again, by other random numbers", List.of("retry")),
        UNDO("", "take the last message and its answer back", List.of()),
        CLEAR("", "forget all messages; the system's text stays", List.of()),
        SET("[NAME VALUE]", "set " + String.join(", ", ChatSettings.names()) + "; alone shows them", List.of()),
        STATS("", "speed of the last answer, tokens of the context used", List.of()),
        SAVE("FILE", "write what was said, a JSON line a model", List.of()),
        LOAD("FILE", "go on from what was saved, or from a file of messages", List.of()),
        EXIT("", "leave, as Ctrl-D does", List.of("quit", "bye"));

        private final String argument;
        private final String meaning;
        private final List<String> others;

        Command(String argument, String meaning, List<String> others) {
            this.argument = argument;
            this.meaning = meaning;
            this.others = others;
        }

        String key() {
            return name().toLowerCase(Locale.ROOT);
        }

        static Command of(String name) {
            String asked = name.toLowerCase(Locale.ROOT);
            return Arrays.stream(values()).filter(command -> command.key().equals(asked) || command.others.contains(asked)).findFirst()
                    .orElseThrow(() -> new UsageException("no command is named /" + name + "; " + hint(asked)
                            + "; a text between \"\"\" and \"\"\" is no command"));
        }

        private static String hint(String asked) {
            List<String> near = new Nearest(Arrays.stream(values()).map(Command::key).toList()).to(asked);
            return near.isEmpty() ? "/help shows all" : "did you mean /" + String.join(" or /", near) + "?";
        }
    }

    /**
     * Commands of a chat.
     *
     * @param variables of the chat template, for conversations that are loaded
     * @param view for each message, where its answers are shown
     * @param stop whether the user has had enough of an answer
     * @param say shows lines of the program's own
     */
    public ChatCommands(Chat chat, Map<String, Object> variables, Supplier<AnswerView> view, BooleanSupplier stop, Consumer<String> say) {
        this.chat = chat;
        this.variables = variables;
        this.view = view;
        this.stop = stop;
        this.say = say;
    }

    /** The commands' names, with their slashes. */
    public static List<String> names() {
        return Arrays.stream(Command.values()).map(command -> "/" + command.key()).toList();
    }

    /**
     * Does what a line says.
     *
     * @return whether the chat goes on
     * @throws org.metaapo.error.MetaapoException if it cannot be done; the chat is as it was
     */
    public boolean run(String line) {
        Matcher form = FORM.matcher(line.strip());
        // Pasted lines may begin with anything; the one command that takes several is meant when it is named.
        boolean isMessage = Quoted.isQuoted(line) || !form.matches() || line.strip().contains("\n") && !form.group(1).equalsIgnoreCase("system");
        if (isMessage) {
            String text = Quoted.isQuoted(line) ? Quoted.inner(line) : line.strip();
            if (!text.isBlank()) {
                chat.ask(text, view.get(), stop);
            }
            return true;
        }
        String argument = form.group(2) == null ? "" : form.group(2).strip();
        return run(Command.of(form.group(1)), argument);
    }

    private boolean run(Command command, String argument) {
        if (command.argument.isEmpty() && !argument.isEmpty()) {
            throw new UsageException("/" + command.key() + " takes nothing, and is given " + argument);
        }
        switch (command) {
            case HELP -> say.accept(help());
            case SYSTEM -> system(argument);
            case REGEN -> chat.again(view.get(), stop);
            case UNDO -> {
                chat.undo();
                say.accept("the last message is taken back");
            }
            case CLEAR -> {
                chat.clear();
                say.accept("all messages are forgotten");
            }
            case SET -> set(argument);
            case STATS -> say.accept(chat.stats());
            case SAVE -> {
                Path file = file(command, argument);
                ChatFile.write(file, chat.conversations(), chat.models().stream().map(ChatModel::name).toList());
                say.accept("saved in " + file);
            }
            case LOAD -> {
                chat.load(ChatFile.read(file(command, argument), chat.models().size(), variables));
                say.accept(loaded());
            }
            case EXIT -> {
                return false;
            }
        }
        return true;
    }

    private static Path file(Command command, String argument) {
        if (argument.isEmpty()) {
            throw new UsageException("/" + command.key() + " needs the name of a file");
        }
        return Path.of(HomeFolder.expanded(argument));
    }

    private void system(String argument) {
        if (argument.isEmpty()) {
            say.accept(chat.system() == null ? "no system's text; the template may have its own" : chat.system());
            return;
        }
        String text = Quoted.isQuoted(argument) ? Quoted.inner(argument) : argument.equals("\"\"") ? "" : argument;
        chat.system(text.isEmpty() ? null : text);
        say.accept(text.isEmpty() ? "the system's text is taken away" : "the system's text is set");
    }

    private void set(String argument) {
        String[] parts = argument.split("[\\s=]+");
        if (argument.isEmpty()) {
            say.accept(chat.settings().shown());
            return;
        }
        // As ollama has it: /set parameter NAME VALUE.
        if (parts.length == 3 && parts[0].equals("parameter")) {
            parts = Arrays.copyOfRange(parts, 1, parts.length);
        }
        if (parts.length > 2) {
            throw new UsageException("/set takes a name and a value, and is given " + argument);
        }
        if (parts.length == 2) {
            chat.settings().set(parts[0], parts[0], parts[1]);
        }
        say.accept(parts[0] + " " + chat.settings().get(parts[0]));
    }

    private String loaded() {
        int turns = chat.conversations().get(0).turns().size();
        boolean isOpen = turns > 0 && chat.conversations().get(0).last().role().equals("user");
        return turns + (turns == 1 ? " turn" : " turns") + (isOpen ? "; the last one is the user's: /regen answers it" : "");
    }

    private static String help() {
        return Arrays.stream(Command.values())
                        .map(command -> String.format(Locale.ROOT, "%-19s %s", ("/" + command.key() + " " + command.argument).strip(), command.meaning))
                        .collect(Collectors.joining("\n"))
                + "\n\"\"\"                 begins and ends a message of several lines\n"
                + "Ctrl-C              stops an answer; Ctrl-D leaves";
    }
}
