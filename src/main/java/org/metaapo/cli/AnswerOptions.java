package org.metaapo.cli;

import java.util.Map;
import org.metaapo.config.RunConfig;
import org.metaapo.text.ChatOptions;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How prompts and their answers become tokens. */
final class AnswerOptions {
    @Mixin
    private TemplateOptions template;

    @Option(
            names = "--keep-template-tail",
            description = "data.keep_template_tail: keep what the template writes after the last stop token")
    private boolean keepTemplateTail;

    @Option(
            names = "--boundary",
            paramLabel = "WHERE",
            description = "data.boundary: where an answer begins that would merge with the prompt's end: prompt (after the prompt's"
                    + " tokens; default) or common (where the tokens part, as in TRL)")
    private ChatOptions.Boundary boundary;

    /** A configuration's, with what is given here over it. */
    ChatOptions chat(RunConfig config) {
        ChatOptions under = template.over(ChatOptions.of(config));
        return new ChatOptions(
                keepTemplateTail || under.keepTemplateTail(), under.template(), under.markedOnly(),
                boundary == null ? under.boundary() : boundary);
    }

    Map<String, Object> variables(RunConfig config) {
        return template.variables(config);
    }
}
