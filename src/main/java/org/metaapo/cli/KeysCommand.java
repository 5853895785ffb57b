package org.metaapo.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.metaapo.config.ConfigKey;
import org.metaapo.config.ConfigKeys;
import org.metaapo.config.KeyAdvice;
import org.metaapo.error.UsageException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code metaapo keys}. */
@Command(
        name = "keys",
        description = "Keys of a run's configuration: values, defaults and meaning.",
        mixinStandardHelpOptions = true)
final class KeysCommand implements Callable<Integer> {
    private static final String INDENT = "    ";
    private static final int NARROWEST = 40;

    @Parameters(paramLabel = "GROUP", arity = "0..*", description = "groups or keys, such as optimizer or train.batch; all if none is given")
    private List<String> wanted = List.of();

    @Option(names = "--markdown", description = "as a table in Markdown, of all keys")
    private boolean markdown;

    @Override
    public Integer call() {
        if (markdown) {
            System.out.print(ConfigKeys.markdown());
            return 0;
        }
        int width = Math.max(NARROWEST, TerminalOutput.width(TerminalOutput.OUT, System.getenv()));
        StringBuilder out = new StringBuilder();
        for (ConfigKey key : wanted.isEmpty() ? ConfigKeys.all() : keys()) {
            out.append(key.name()).append('\n');
            append(out, values(key), width);
            append(out, key.doc(), width);
        }
        System.out.print(out);
        return 0;
    }

    private List<ConfigKey> keys() {
        List<ConfigKey> keys = new ArrayList<>();
        for (String name : wanted) {
            ConfigKey key = ConfigKeys.find(name);
            if (key != null) {
                keys.add(key);
            } else if (ConfigKeys.groups().contains(name)) {
                keys.addAll(ConfigKeys.of(name));
            } else {
                throw new UsageException("no key or group " + name + "; " + KeyAdvice.of(name));
            }
        }
        return keys;
    }

    private static String values(ConfigKey key) {
        String shown = key.type() == ConfigKey.Type.CHOICE ? String.join(", ", key.choices()) : key.type().shown();
        String fallback = key.shownFallback();
        return fallback.isEmpty() ? shown : shown + " (default: " + fallback + ")";
    }

    private static void append(StringBuilder out, String text, int width) {
        int column = 0;
        for (String word : text.split(" ")) {
            if (column > 0 && INDENT.length() + column + 1 + word.length() > width) {
                out.append('\n');
                column = 0;
            }
            out.append(column == 0 ? INDENT : " ").append(word);
            column += (column == 0 ? 0 : 1) + word.length();
        }
        out.append('\n');
    }
}
