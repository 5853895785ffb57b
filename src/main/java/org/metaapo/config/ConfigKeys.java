package org.metaapo.config;

import static org.metaapo.config.ConfigKey.choice;
import static org.metaapo.config.ConfigKey.flag;
import static org.metaapo.config.ConfigKey.integer;
import static org.metaapo.config.ConfigKey.integerUpToHalf;
import static org.metaapo.config.ConfigKey.items;
import static org.metaapo.config.ConfigKey.object;
import static org.metaapo.config.ConfigKey.optionalReal;
import static org.metaapo.config.ConfigKey.path;
import static org.metaapo.config.ConfigKey.paths;
import static org.metaapo.config.ConfigKey.real;
import static org.metaapo.config.ConfigKey.realAs;
import static org.metaapo.config.ConfigKey.realOf;
import static org.metaapo.config.ConfigKey.reals;
import static org.metaapo.config.ConfigKey.text;
import static org.metaapo.config.ConfigKey.texts;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The one table of keys: names, types, defaults, ranges and documentation. */
public final class ConfigKeys {
    private static final int MANY = Integer.MAX_VALUE;

    private static final List<ConfigKey> TABLE = List.of(
            choice("recipe", "metaapo",
                    List.of("metaapo", "dpo", "selective-dpo", "adpo", "online-dpo", "iterative-dpo", "sppo", "selm", "xpo", "sft", "reward-model"),
                    "what to run; docs/recipes.md says what each does and which defaults it changes"),
            path("out", "folder of the run; created, and continued when it is there"),
            integer("seed", 42, 0, Long.MAX_VALUE, "of every random number of the run"),
            text("device", "auto", "auto, cpu or cuda:N"),
            choice("dtype", "bf16", List.of("bf16", "f32"), "of weights and activations; bf16 trains with f32 masters unless optimizer.state is 8bit"),
            integer("threads", 0, 0, 4096, "processor threads; 0: one for each core"),
            items("trackers", "where the run's curves are shown beside out: tensorboard, mlflow, trackio, and a class of yours that implements "
                    + "org.metaapo.tracking.Tracker, as {class: …, class_path: […]} (docs/tracking.md)"),
            path("model.path", "Hugging Face folder of the policy"),
            choice("model.quantize", "none", List.of("none", "nf4", "int8"),
                    "how the policy's linear maps are kept under an adapter (QLoRA): as the files have them, or packed in 4 or 8 bits; so is a reference"),
            integer("adapter.rank", 0, 0, 65536, "r of a low-rank adapter (LoRA) that is trained in place of the model's weights; 0: none"),
            optionalReal("adapter.alpha", 1e-9, 1e9, "the adapter's scale is alpha / r; the double of adapter.rank where not set"),
            flag("adapter.rslora", false, "the scale is alpha / √r (rank-stabilised LoRA)"),
            real("adapter.dropout", 0, 0, 0.999, "of the adapter's input, in training alone"),
            texts("adapter.targets", List.of("all-linear"), "modules with an adapter, by the end of their names, such as q_proj; all-linear: every linear map of the layers"),
            texts("adapter.layers", List.of(), "numbers of the layers with an adapter; empty: all"),
            object("adapter.rank_pattern", "{}", "other ranks by module name or expression, as PEFT's rank_pattern"),
            object("adapter.alpha_pattern", "{}", "other alphas by module name or expression, as PEFT's alpha_pattern"),
            choice("adapter.init", "uniform", List.of("uniform", "gaussian"), "how a fresh A is drawn: uniform in ±1/√in, or normal with deviation 1/r; B is zero"),
            path("adapter.path", "folder of an adapter to go on with, in place of adapter.rank and its other keys"),
            flag("adapter.merge", false, "write the model with the adapter worked in to model/ too"),
            path("reference.path", "folder of the reference; the policy's own start where not set (of an adapter: the model without it); refused where the loss has none"),
            choice("reference.update", "never", List.of("never", "slice"), "slice: after the first slice the reference is the policy before it; recipe metaapo: before the slice before"),
            flag("reference.offload", false, "on a GPU, the reference's layers lie in host memory and come one by one while it scores; not with recipe xpo"),
            path("reward.path", "rewards from a local model: its folder (recipe metaapo needs one of the first six reward keys)"),
            path("reward.adapter", "rewards from a LoRA adapter with a score head, in PEFT's format: its folder; its base is reward.path, or model.path where "
                    + "that is not set, and is then in memory once if an adapter is trained"),
            text("reward.url", null, "rewards from a service: its address, which takes POST"),
            text("reward.judge", null, "rewards from a judge: address of an OpenAI-compatible API, such as http://localhost:8000/v1"),
            text("reward.class", null, "rewards from a class of yours that implements org.metaapo.reward.RewardFunction"),
            texts("reward.command", List.of(), "rewards from a command of yours, program and arguments; JSON lines in and out"),
            choice("reward.overlong", "drop", List.of("drop", "cut", "stop"),
                    "an answer whose conversation is longer than the model of reward.path reads: has no reward and is out, is read without the prompt's "
                            + "start, or ends the run"),
            paths("reward.class_path", "jars and folders of reward.class"),
            text("reward.token_env", null, "name of the environment variable that holds the bearer token of reward.url or reward.judge"),
            text("reward.judge_model", null, "the model behind reward.judge"),
            path("reward.judge_prompt", "your own prompt of the judge, with {conversation}, {answer_a} and {answer_b}"),
            choice("reward.judge_pairs", "pivot", List.of("pivot", "all"), "answers compared: the first with each other one, or each with each"),
            object("reward.judge_options", "{\"temperature\":0,\"max_tokens\":1024}", "further fields of the judge's requests"),
            integer("reward.answers_per_request", 16, 1, 4096, "most answers in one request to a service, class or command"),
            integer("reward.parallel", 4, 1, 256, "requests at once to reward.url or reward.judge"),
            real("reward.timeout", 60, 0.01, 86400, "seconds that a source may take for one reply"),
            integer("reward.retries", 5, 0, 100, "further tries after status 408, 429 or 5xx, a broken connection, a timeout or an unreadable verdict"),
            flag("reward.offline_pairs", true, "score the offline pair of a sampled prompt too, for the report; false saves these calls"),
            paths("data.train", "rows: JSONL, JSON or Parquet files, patterns, dataset folders (docs/data.md)"),
            paths("data.eval", "rows to evaluate on after each epoch or slice"),
            reals("data.weights", List.of(), 0, 1e9, "share of each entry of data.train in an epoch; empty: every row once"),
            flag("data.shuffle", true, "a new order each epoch, from the seed"),
            integer("data.max_length", 4096, 2, MANY, "tokens of prompt and answer; the answer keeps its start"),
            integerUpToHalf("data.max_prompt_length", 2048, "data.max_length", 1, MANY, "tokens of a prompt, which keeps its end"),
            choice("data.overlong", "cut", List.of("cut", "drop"), "what happens to a row that is longer"),
            integer("data.min_answer_tokens", 0, 0, MANY, "rows with a shorter answer are left out"),
            real("data.max_length_ratio", 0, 0, 1e9, "rows whose answers' lengths differ by a larger factor are left out; 0: none"),
            optionalReal("data.min_score", -1e300, 1e300, "rows with a lower score_chosen are left out"),
            real("data.min_score_margin", 0, 0, 1e300, "rows with a smaller score_chosen − score_rejected are left out; 0: none"),
            choice("data.repeated_prompts", "keep", List.of("keep", "drop"), "a row with the prompt of an earlier row; counted either way"),
            choice("data.on_error", "stop", List.of("stop", "skip"), "what a bad row does; skipped rows are counted and listed"),
            text("data.cache", "run", "where prepared rows are kept: run (in the run's folder, while it lasts), off, or a folder"),
            flag("data.keep_template_tail", false, "keep what a template writes after the last end-of-turn token, as TRL does"),
            text("data.chat_template", "auto", "which of the model's named chat templates; auto: tool_use with tools, else default"),
            object("data.chat_template_kwargs", "{}",
                    "variables for the chat template, such as {enable_thinking: false}; a row's own column of this name goes before"),
            choice("data.boundary", "prompt", List.of("prompt", "common"),
                    "where an answer begins that would merge with the prompt's end: after the prompt's tokens, or where the tokens part (TRL)"),
            choice("data.loss", "answer", List.of("answer", "generation"),
                    "recipe sft trains on the last answer, or on all that the template's generation blocks mark"),
            flag("data.share_prompts", true, "run the answers to a prompt in one pack"),
            choice("objective.name", "dpo",
                    List.of("dpo", "cdpo", "robust_dpo", "ipo", "ipo_sum", "ipo_mean", "hinge", "simpo", "kto", "sppo", "selm", "adpo", "xpo", "java"),
                    "the loss of a pair; ipo is ipo_mean, java is yours (objective.class)"),
            real("objective.beta", 0.1, 1e-9, 1e6, "strength of the preference"),
            real("objective.gamma", 0.6, -1e6, 1e6, "SimPO's margin"),
            realOf("objective.label_smoothing", 0.1, "objective.name", List.of("cdpo", "robust_dpo"), 0, 0.4999, "share of labels assumed to be wrong"),
            real("objective.alpha", 1e-3, 0, 1e6, "weight of the exploration term of selm and xpo"),
            real("objective.threshold", 1.3, 0, 1e6, "adpo asks for a label where |β·delta| is not above it"),
            real("objective.desirable", 1, 0, 1e6, "KTO's weight of good answers"),
            real("objective.undesirable", 1, 0, 1e6, "KTO's weight of bad answers"),
            real("objective.likelihood", 0, 0, 1e6, "weight of the chosen answer's mean negative log-likelihood, added to any objective"),
            text("objective.class", null, "your class that implements org.metaapo.train.PairLoss, for objective.name java"),
            paths("objective.class_path", "jars and folders of objective.class"),
            integer("meta.layers", 2, 1, 3, "layers of the meta-learner: 1 is σ(w·x + b), a logistic regression; 2 the paper's; 3 has two hidden layers"),
            integer("meta.hidden", 100, 1, 65536, "units of each hidden layer of the meta-learner; with meta.layers 3 up to 1024"),
            choice("meta.init", "reference", List.of("reference", "random"),
                    "reference: weights 0.1, biases 0 in each layer, as the authors' code, so that w of a score of log ½ starts at 0.483, 0.334 or 0.002 with 1, "
                            + "2 or 3 layers of 100 units: with 3 near where σ is flat; random: as torch's Linear"),
            optionalReal("meta.start_weight", 0.001, 0.999,
                    "w that the learner starts with for a row on which policy and reference agree (a score of log ½), by the last layer's bias; without it, "
                            + "what meta.init gives"),
            realAs("meta.score_scale", "objective.beta", 1e-9, 1e6, "s of the score log σ(s·delta): objective.beta as the paper, 1 as the authors' code"),
            real("meta.learning_rate", 5e-3, 0, 1e3, "of the meta-learner's AdamW"),
            real("meta.weight_decay", 1e-4, 0, 1e3, "of the meta-learner's AdamW"),
            integer("meta.every", 8, 0, MANY, "optimizer steps between meta updates; 0: never"),
            texts("meta.features", List.of("score"),
                    "inputs of the meta-learner: score, and any of prompt_length, answer_lengths, reward_gap, epoch"),
            choice("meta.weight", "learned", List.of("learned", "constant", "score"), "where a row's weight w comes from"),
            real("meta.constant", 0.5, 0, 1, "w of meta.weight constant"),
            integer("rollout.slice", 20370, 1, MANY, "rows scored and sampled before they are trained on"),
            integer("rollout.k", 8, 2, 1024, "answers to a sampled prompt"),
            real("rollout.temperature", 1.0, 1e-6, 1e3, "of sampling"),
            real("rollout.top_p", 1.0, 1e-6, 1, "mass of the tokens sampled from"),
            integer("rollout.top_k", 0, 0, MANY, "tokens sampled from; 0: all"),
            integer("rollout.max_new_tokens", 2048, 1, MANY, "longest answer"),
            integer("rollout.sequences", 64, 1, 65536, "answers decoded at once"),
            choice("rollout.merge", "auto", List.of("auto", "true", "false"),
                    "with an adapter, sample from a copy of the model with the adapter worked in, which writes faster and takes the model's memory again; auto: "
                            + "where it fits"),
            choice("rollout.decision", "adaptive", List.of("adaptive", "all", "random", "threshold", "none"),
                    "recipe metaapo, which prompts are sampled: u > w, all, u > threshold, w < threshold, none"),
            real("rollout.threshold", 0.5, 0, 1, "of decision random and threshold"),
            choice("rollout.unsampled", "offline", List.of("offline", "drop"), "a row without an online pair: trained offline, or left out"),
            integer("selective.runs", 3, 1, 100, "selective-dpo: reference runs over whose losses a pair's difficulty is averaged"),
            integer("selective.epochs", 1, 1, 1000, "selective-dpo: passes of a reference run over its half"),
            real("selective.keep", 0.5, 1e-6, 1, "selective-dpo: share of the pairs that is trained on, the easiest"),
            real("optimizer.learning_rate", 5e-7, 0, 1e3, "peak rate"),
            reals("optimizer.betas", List.of(0.9, 0.95), 0, 0.999999999, "AdamW's two decays"),
            real("optimizer.eps", 1e-8, 0, 1, "AdamW's epsilon"),
            real("optimizer.weight_decay", 0.0, 0, 1e3, "decoupled, on every tensor"),
            real("optimizer.clip", 1.0, 0, 1e9, "largest gradient norm; 0: no clipping"),
            choice("optimizer.state", "f32", List.of("f32", "8bit"),
                    "8bit: moments in 8 bits and bf16 weights without f32 masters, 2 bytes a weight in place of 10"),
            flag("optimizer.offload", false, "on a GPU, moments and masters lie in host memory: the same bits, a step as slow as the bus"),
            choice("optimizer.schedule", "cosine", List.of("cosine", "linear", "constant"), "of the learning rate"),
            real("optimizer.warmup", 0.03, 0, 1, "share of the steps"),
            real("optimizer.min_ratio", 0.1, 0, 1, "last rate over peak rate"),
            integer("train.epochs", 1, 1, 100000, "passes over the data"),
            integer("train.batch", 128, 1, MANY, "rows of an optimizer step"),
            integer("train.micro_tokens", 16384, 1, MANY, "tokens of one forward and backward"),
            flag("train.recompute", false, "keep only layer inputs and compute the rest again: less memory, a third more work"),
            choice("train.shard", "auto", List.of("auto", "none", "optimizer", "gradients", "weights"),
                    "what ranks share out in place of each keeping all of it: optimizer state, gradients too, weights too; auto: the least that fits"),
            real("ranks.timeout", 1800, 1e-3, 1e9, "seconds that a rank waits for others inside of a step before all end; elsewhere ranks wait without an end"),
            integer("checkpoint.every", 50, 1, MANY, "optimizer steps between checkpoints"),
            integer("checkpoint.keep", 2, 1, 1000, "checkpoints kept"));

    private static final Map<String, ConfigKey> BY_NAME = index();

    private ConfigKeys() {}

    private static Map<String, ConfigKey> index() {
        Map<String, ConfigKey> map = new LinkedHashMap<>();
        TABLE.forEach(key -> map.put(key.name(), key));
        return map;
    }

    /** All keys, in the order of the documentation. */
    public static List<ConfigKey> all() {
        return TABLE;
    }

    /** The key of a name, or null. */
    public static ConfigKey find(String name) {
        return BY_NAME.get(name);
    }

    /** The groups of keys, in their order. */
    public static List<String> groups() {
        return TABLE.stream().map(ConfigKey::group).filter(group -> !group.isEmpty()).distinct().toList();
    }

    /** The keys of a group, in their order; of the empty group those that stand alone. */
    public static List<ConfigKey> of(String group) {
        return TABLE.stream().filter(key -> key.group().equals(group)).toList();
    }

    /** The table of the README, in Markdown. */
    public static String markdown() {
        StringBuilder out = new StringBuilder("| key | value | default | meaning |\n|---|---|---|---|\n");
        for (ConfigKey key : TABLE) {
            String type = key.type() == ConfigKey.Type.CHOICE
                    ? "`" + String.join("`, `", key.choices()) + "`"
                    : key.type().shown();
            String fallback = key.shownFallback().isEmpty() ? "" : "`" + key.shownFallback() + "`";
            out.append("| `").append(key.name()).append("` | ").append(type).append(" | ").append(fallback)
                    .append(" | ").append(key.doc()).append(" |\n");
        }
        return out.toString();
    }
}
