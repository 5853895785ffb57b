package org.metaapo.cli;

import java.util.Map;
import org.metaapo.config.RunConfig;
import org.metaapo.text.TemplateVariables;
import picocli.CommandLine.Option;

/** {@code --chat-template-kwargs}. */
final class VariablesOption {
    @Option(
            names = "--chat-template-kwargs",
            paramLabel = "JSON",
            description = "data.chat_template_kwargs: variables for the chat template, such as {\"enable_thinking\": false}")
    private String variables;

    /** Those given here, or a configuration's. */
    Map<String, Object> of(RunConfig config) {
        return variables == null ? TemplateVariables.of(config) : TemplateVariables.parse("--chat-template-kwargs", variables);
    }
}
