package org.metaapo.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Lengths to which rows are cut, as the configuration's keys say it. */
final class LengthOptions {
    @Option(names = "--max-length", paramLabel = "N", description = "data.max_length: tokens of prompt and answer (4096)")
    private Integer maxLength;

    @Option(names = "--max-prompt-length", paramLabel = "N",
            description = "data.max_prompt_length: tokens of a prompt (2048, at most half of --max-length)")
    private Integer maxPromptLength;

    /** Overrides of the configuration; empty where none is given. */
    List<String> overrides() {
        List<String> overrides = new ArrayList<>();
        if (maxLength != null) {
            overrides.add("data.max_length=" + maxLength);
        }
        if (maxPromptLength != null) {
            overrides.add("data.max_prompt_length=" + maxPromptLength);
        }
        return overrides;
    }
}
