package org.metaapo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.UsageException;

/** A name that another tool has leads to the key of the same meaning, and to none of another meaning. */
class KeyAdviceTest {
    @ParameterizedTest
    @CsvSource({
        "learning_rate, optimizer.learning_rate", "lr, optimizer.learning_rate", "train.learning_rate, optimizer.learning_rate",
        "meta.lr, meta.learning_rate", "num_train_epochs, train.epochs", "num_epochs, train.epochs", "max_epochs, train.epochs",
        "train_batch_size, train.batch", "max_length, data.max_length", "cutoff_len, data.max_length", "sequence_len, data.max_length",
        "max_prompt_length, data.max_prompt_length", "prompt_max_len, data.max_prompt_length", "beta, objective.beta", "pref_beta, objective.beta",
        "rl_beta, objective.beta", "pref_loss, objective.name", "loss_type, objective.name", "model_name_or_path, model.path",
        "model.name_or_path, model.path", "base_model, model.path", "pretrain, model.path", "output_dir, out", "dataset, data.train",
        "datasets, data.train", "dataset_name, data.train", "warmup_ratio, optimizer.warmup", "lr_scheduler_type, optimizer.schedule",
        "lr_scheduler, optimizer.schedule", "save_steps, checkpoint.every", "save_total_limit, checkpoint.keep",
        "gradient_checkpointing, train.recompute", "num_generations, rollout.k", "n_samples_per_prompt, rollout.k", "ref_model, reference.path",
        "ref_pretrain, reference.path", "reward_model_path, reward.path", "reward_pretrain, reward.path", "remote_rm_url, reward.url",
        "max_grad_norm, optimizer.clip", "max_norm, optimizer.clip", "weight_decay, optimizer.weight_decay", "l2, optimizer.weight_decay",
        "adam_epsilon, optimizer.eps", "simpo_gamma, objective.gamma", "desirable_weight, objective.desirable", "rpo_alpha, objective.likelihood",
        "pref_ftx, objective.likelihood", "generate_max_len, rollout.max_new_tokens", "torch_dtype, dtype", "stage, recipe",
        "temperature, rollout.temperature", "train.beta, objective.beta", "learningRate, optimizer.learning_rate", "data.maxlength, data.max_length",
        "train.bach, train.batch", "trian.batch, train.batch", "rewrad, reward", "data.path, data.train", "lora_r, adapter.rank",
        "lora_target_modules, adapter.targets", "adapter.lora_alpha, adapter.alpha", "adapter_name_or_path, adapter.path", "reward_adapter, reward.adapter",
    })
    void leadsToTheKeyOfTheSameMeaning(String given, String key) {
        assertThat(KeyAdvice.of(given)).isEqualTo("did you mean " + key + "?");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "per_device_train_batch_size | train.micro_tokens", "gradient_accumulation_steps | train.batch is the rows of an optimizer step",
        "train.gradient_accumulation_steps | train.micro_tokens", "micro_batch_size | train.batch", "max_completion_length | rollout.max_new_tokens",
        "logging_steps | metrics.jsonl", "bf16 | dtype is bf16 or f32", "fp16 | dtype is bf16 or f32", "use_dora | DoRA is not offered",
        "adapter.dora | DoRA is not offered", "adapter.modules_to_save | no other module is trained whole", "lora_plus | metaapo keys adapter", "zero_stage | train.shard", "num_gpus | train --ranks N", "deepspeed | optimizer.offload",
        "warmup_steps | share of the steps", "max_steps | train.epochs", "eval_steps | data.eval", "gamma_beta_ratio | times objective.beta",
        "label_smoothing_factor | cross-entropy is not smoothed", "adam_beta1 | [0.9, 0.95]", "optim | optimizer.state=8bit", "template | model folder's own",
        "packing | without padding, always", "vllm_gpu_memory_utilization | by the engine itself", "report_to | trackers names", "wandb_project | trackers names",
        "reward_model | recipe=reward-model", "sync_ref_model | reference.update=slice", "max_samples | fewer rows", "run_name | out names the run",
        "resume_from_checkpoint | newest checkpoint", "trust_remote_code | nothing is downloaded", "min_p | rollout.top_p", "push_to_hub | nothing is downloaded",
        "flash_attn | its own kernels", "val_set_size | data.eval takes", "train_on_inputs | data.loss", "kl_coef | not offered",
    })
    void saysWhatToDoWhereThereIsNoSuchKey(String given, String words) {
        assertThat(KeyAdvice.of(given)).contains(words).doesNotContain("did you mean");
    }

    /** Near in spelling, and of another meaning. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "data.min_length | data has train, eval", "optimizer.max_ratio | optimizer has learning_rate", "rollout.top_n | rollout has slice",
        "checkpoint.path | checkpoint has every, keep", "objective.path | objective has name", "meta.class | meta has layers, hidden", "min_length | metaapo keys",
        "optimizer.rate | optimizer has", "foo | metaapo keys lists all", "foo.bar | the groups are model, adapter, reference, reward",
    })
    void pointsAtNoOtherMeaning(String given, String words) {
        assertThat(KeyAdvice.of(given)).contains(words).doesNotContain("did you mean");
    }

    @Test
    void theTableLeadsToKeysThatThereAre() {
        ForeignNames.keys().forEach((name, key) -> {
            assertThat(ConfigKeys.find(key)).as(name).isNotNull();
            assertThat(ConfigKeys.find(name)).as(name + " is a key of this configuration").isNull();
        });
        for (String name : ForeignNames.all()) {
            String advice = KeyAdvice.of(name);
            assertThat(advice).as(name).isNotBlank().doesNotContain("lists all");
            Matcher key = Pattern.compile("(?<![/a-z])([a-z]+)\\.([a-z_]+)").matcher(advice);
            while (key.find()) {
                assertThat(ConfigKeys.find(key.group())).as(name + ": " + key.group()).isNotNull();
            }
        }
    }

    @Test
    void eachKeyIsFoundAgainThroughATypo() {
        Random random = new Random(7);
        for (ConfigKey key : ConfigKeys.all()) {
            String[] words = key.name().split("[._]");
            String word = Arrays.stream(words).max(Comparator.comparingInt(String::length)).orElseThrow();
            if (word.length() < 3) {
                continue;
            }
            // A letter is doubled: that makes no other word.
            int at = key.name().indexOf(word) + random.nextInt(word.length());
            String typo = key.name().substring(0, at) + key.name().charAt(at) + key.name().substring(at);
            assertThat(KeyAdvice.of(typo)).as(typo).contains(key.name()).startsWith("did you mean");
        }
    }

    @Test
    void aTextInPlaceOfAGroup() {
        for (Map.Entry<String, String> entry : Map.of("model", "model.path", "reference", "reference.path", "reward", "reward.path", "data", "data.train").entrySet()) {
            assertThatThrownBy(() -> RunConfig.parse(entry.getKey() + ": x\n", "run.yaml", List.of()))
                    .isInstanceOf(UsageException.class)
                    .hasMessage("run.yaml:1: expected keys and values under " + entry.getKey() + ", found \"x\"; did you mean " + entry.getValue() + "?");
        }
        assertThatThrownBy(() -> RunConfig.parse("optimizer: adamw_torch\n", "run.yaml", List.of())).hasMessageContaining("the optimizer is AdamW");
        assertThatThrownBy(() -> RunConfig.parse("generate_during_eval: true\n", "run.yaml", List.of())).hasMessageContaining("metaapo generate");
        assertThatThrownBy(() -> RunConfig.parse("missing_eos_penalty: 1.0\n", "run.yaml", List.of())).hasMessageContaining("not punished");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "objective.name=sigmoid | sigmoid elsewhere is dpo here", "objective.name=robust | robust_dpo", "objective.name=kto_pair | kto",
        "recipe=rm | reward-model", "recipe=kto | recipe dpo with objective.name kto", "dtype=bfloat16 | bf16", "dtype=fp32 | f32",
        "optimizer.schedule=constant_with_warmup | optimizer.warmup", "objective.name=dop | nearest: dpo", "recipe=online_dpo | online-dpo",
        "objective.name=orpo | simpo needs no reference model either",
    })
    void valuesOfOtherTools(String override, String words) {
        assertThatThrownBy(() -> RunConfig.defaults(List.of(override))).isInstanceOf(UsageException.class).hasMessageContaining(words);
    }

    @ParameterizedTest
    @CsvSource({"objective.name=cpo", "objective.name=rdpo", "recipe=ppo", "recipe=grpo", "dtype=fp16", "dtype=f16", "optimizer.state=4bit"})
    void whatIsNotOfferedIsNoMisspelling(String override) {
        assertThatThrownBy(() -> RunConfig.defaults(List.of(override)))
                .isInstanceOf(UsageException.class).hasMessageContaining("expected one of").hasMessageNotContaining("(");
    }
}
