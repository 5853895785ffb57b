package org.metaapo.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.config.KeyAdvice;
import org.metaapo.config.Nearest;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What to tell somebody whose words picocli refuses. */
final class UsageAdvice {
    /** Options of other tools by what means the same here, where a command has that. */
    private static final Map<String, List<String>> ELSEWHERE = new LinkedHashMap<>();

    private static final Pattern UNKNOWN_OPTION = Pattern.compile("^Unknown options?: '(-[^'=]*)");

    static {
        ELSEWHERE.put("--model", List.of("model_name_or_path", "model_name", "model_path", "base_model", "pretrain", "reward_pretrain", "reward_model_path"));
        ELSEWHERE.put("--reference", List.of("ref_model", "ref_model_name_or_path", "reference_model", "ref_pretrain"));
        ELSEWHERE.put("--data", List.of("dataset", "dataset_name", "data_path", "input", "input_file", "prompt_data", "prompts"));
        ELSEWHERE.put("--out", List.of("output", "output_file", "output_path", "output_dir", "save_path"));
        ELSEWHERE.put("--k", List.of("num_return_sequences", "num_generations", "n_samples_per_prompt", "best_of_n", "n"));
        ELSEWHERE.put("--max-new-tokens", List.of("max_tokens", "max_completion_length", "generate_max_len"));
        ELSEWHERE.put("--max-length", List.of("max_len", "max_seq_length", "cutoff_len", "sequence_len"));
        ELSEWHERE.put("--max-prompt-length", List.of("prompt_max_len"));
        ELSEWHERE.put("--dtype", List.of("torch_dtype", "precision"));
        ELSEWHERE.put("--threads", List.of("num_threads"));
        ELSEWHERE.put("--ranks", List.of("nproc_per_node", "num_processes", "num_gpus", "world_size", "np"));
        ELSEWHERE.put("--hosts", List.of("hostfile", "machinefile"));
    }

    private UsageAdvice() {}

    /** What is wrong, and what may have been meant. */
    static String of(CommandLine.ParameterException failure) {
        CommandSpec command = failure.getCommandLine().getCommandSpec();
        String first = String.valueOf(failure.getMessage()).lines().findFirst().orElse("wrong usage");
        // Where a value was expected, picocli has the option in its message alone.
        Matcher option = UNKNOWN_OPTION.matcher(first);
        if (option.find()) {
            return "unknown option " + option.group(1) + "; " + option(command, option.group(1));
        }
        if (failure instanceof CommandLine.UnmatchedArgumentException unmatched && !unmatched.getUnmatched().isEmpty()) {
            String given = unmatched.getUnmatched().get(0);
            return command.subcommands().isEmpty()
                    ? "unexpected " + given + "; " + command.name() + " takes no more words"
                    : "no command " + given + "; " + new Nearest(command.subcommands().keySet()).hint(given);
        }
        return first;
    }

    private static String option(CommandSpec command, String given) {
        List<String> names = new ArrayList<>();
        for (OptionSpec option : command.options()) {
            names.add(option.longestName());
        }
        List<String> words = new ArrayList<>();
        ELSEWHERE.values().forEach(words::addAll);
        List<String> near = new Nearest(names, words).to(given);
        if (!near.isEmpty()) {
            return "did you mean " + String.join(" or ", near) + "?";
        }
        String word = given.replaceFirst("^-+", "").replace('-', '_');
        if (command.mixins().values().stream().anyMatch(mixin -> mixin.userObject() instanceof RunOptions)) {
            return "keys of the configuration are given as key=value; " + KeyAdvice.of(word);
        }
        for (Map.Entry<String, List<String>> entry : ELSEWHERE.entrySet()) {
            if (entry.getValue().contains(word) && names.contains(entry.getKey())) {
                return "did you mean " + entry.getKey() + "?";
            }
        }
        return "expected one of " + String.join(", ", names);
    }
}
