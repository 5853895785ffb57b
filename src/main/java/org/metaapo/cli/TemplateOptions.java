package org.metaapo.cli;

import java.util.Map;
import org.metaapo.config.RunConfig;
import org.metaapo.text.ChatOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which template writes a prompt, and with what. */
final class TemplateOptions {
    @Option(
            names = "--chat-template",
            paramLabel = "NAME",
            description = "data.chat_template: the template's name, where the model has several")
    private String name;

    @Mixin
    private VariablesOption variables;

    /** A configuration's, with what is given here over it. */
    ChatOptions over(ChatOptions under) {
        return name == null ? under : new ChatOptions(under.keepTemplateTail(), name, under.markedOnly(), under.boundary());
    }

    Map<String, Object> variables(RunConfig config) {
        return variables.of(config);
    }
}
