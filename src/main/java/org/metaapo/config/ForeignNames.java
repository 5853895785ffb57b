package org.metaapo.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Names that TRL, transformers, LLaMA-Factory, axolotl and OpenRLHF have in their configurations, and what stands for them here. A name
 * leads to a key only where both mean the same; else it says what to do instead.
 */
final class ForeignNames {
    /** Key of this configuration by name; its meaning and its values are the same. */
    private static final Map<String, String> SAME = new LinkedHashMap<>();

    /** What to do, by name; of what has no key here, or one that counts otherwise. */
    private static final Map<String, String> OTHERWISE = new LinkedHashMap<>();

    /** As {@link #OTHERWISE}, by what the name begins with. */
    private static final Map<String, String> BY_START = new LinkedHashMap<>();

    static {
        same("recipe", "stage");
        same("out", "output_dir", "output", "output_path", "save_path");
        same("seed", "data_seed");
        same("dtype", "torch_dtype", "precision", "param_dtype", "mixed_precision");
        same("model.path", "model_name_or_path", "model_name", "model_path", "model", "base_model", "pretrain",
                "pretrained_model_name_or_path");
        same("adapter.rank", "lora_r", "lora_rank", "r");
        same("adapter.alpha", "lora_alpha");
        same("adapter.dropout", "lora_dropout");
        same("adapter.targets", "lora_target", "lora_target_modules", "target_modules");
        same("adapter.rslora", "use_rslora", "peft_use_rslora");
        same("adapter.layers", "layers_to_transform", "peft_layers_to_transform");
        same("adapter.init", "init_lora_weights", "peft_init_lora_weights");
        same("adapter.path", "adapter_name_or_path", "lora_model_dir", "adapter_path");
        same("reward.adapter", "reward_adapter", "reward_model_adapters");
        same("reference.path", "ref_model", "ref_model_name_or_path", "ref_model_path", "reference_model", "reference_model_path", "ref_pretrain",
                "reference", "ref");
        same("reward.path", "reward_model_path", "reward_model_name_or_path", "reward_pretrain", "reward");
        same("reward.url", "remote_rm_url", "reward_url", "reward_server_url");
        same("data.train", "dataset", "datasets", "dataset_name", "dataset_path", "data", "data_path", "data_files", "train_file",
                "train_data", "train_files", "train_dataset", "prompt_data");
        same("data.eval", "eval_dataset", "eval_datasets", "eval_file", "eval_data", "test_datasets", "test_dataset", "validation_file",
                "val_files", "eval_data_path");
        same("data.weights", "mixing_probs", "interleave_probs", "dataset_probs", "prompt_data_probs");
        same("data.shuffle", "shuffle_dataset", "shuffle_merged_datasets", "shuffle");
        same("data.max_length", "max_length", "max_len", "max_seq_length", "max_seq_len", "cutoff_len", "sequence_len", "seq_length",
                "sequence_length", "model_max_length");
        same("data.max_prompt_length", "max_prompt_length", "prompt_max_len", "max_prompt_len");
        same("data.cache", "dataset_prepared_path", "tokenized_path");
        same("objective.name", "loss_type", "pref_loss", "preference_loss");
        same("objective.beta", "beta", "pref_beta", "rl_beta", "dpo_beta");
        same("objective.gamma", "simpo_gamma");
        same("objective.desirable", "desirable_weight", "kto_chosen_weight", "kto_desirable_weight");
        same("objective.undesirable", "undesirable_weight", "kto_rejected_weight", "kto_undesirable_weight");
        same("objective.likelihood", "rpo_alpha", "pref_ftx", "nll_loss_coef");
        same("rollout.k", "num_generations", "n_samples_per_prompt", "num_return_sequences", "best_of_n");
        same("rollout.max_new_tokens", "max_new_tokens", "generate_max_len");
        same("optimizer.learning_rate", "learning_rate", "lr", "actor_learning_rate");
        same("optimizer.weight_decay", "weight_decay", "l2", "wd");
        same("optimizer.betas", "adam_betas", "optimizer_betas");
        same("optimizer.eps", "adam_epsilon", "adam_eps", "optimizer_eps");
        same("optimizer.clip", "max_grad_norm", "max_norm", "gradient_clipping", "gradient_clip_val", "clip_grad_norm", "grad_clip");
        same("optimizer.schedule", "lr_scheduler_type", "lr_scheduler", "lr_schedule", "scheduler");
        same("optimizer.warmup", "warmup_ratio", "lr_warmup_ratio");
        same("optimizer.min_ratio", "min_lr_rate", "cosine_min_lr_ratio", "min_lr_ratio");
        same("optimizer.offload", "adam_offload", "optimizer_offload");
        same("train.epochs", "num_train_epochs", "num_epochs", "epochs", "max_epochs", "n_epochs");
        same("train.batch", "train_batch_size", "global_batch_size");
        same("train.recompute", "gradient_checkpointing", "activation_checkpointing");
        same("ranks.timeout", "ddp_timeout", "dist_timeout", "distributed_timeout");
        same("checkpoint.every", "save_steps", "save_interval");
        same("checkpoint.keep", "save_total_limit", "max_ckpt_num");

        String batch = "train.batch is the rows of an optimizer step in all (rows a device × accumulation × devices elsewhere), and "
                + "train.micro_tokens is how many tokens of them run at once";
        otherwise(batch, "per_device_train_batch_size", "gradient_accumulation_steps", "micro_batch_size", "micro_train_batch_size",
                "per_device_batch_size", "batch_size", "accumulate_grad_batches", "auto_find_batch_size", "train_micro_batch_size_per_gpu");
        otherwise("train.micro_tokens bounds what runs at once, in evaluation too", "per_device_eval_batch_size", "eval_batch_size",
                "eval_accumulation_steps", "precompute_ref_batch_size");
        otherwise("rollout.slice is the prompts that are scored and sampled before they are trained on, and rollout.sequences the answers "
                + "decoded at once", "rollout_batch_size", "micro_rollout_batch_size", "generation_batch_size", "steps_per_generation", "num_episodes");
        otherwise("a run makes train.epochs passes over its rows; for fewer steps give it fewer rows", "max_steps", "total_steps",
                "max_train_steps", "total_episodes");
        otherwise("give fewer rows in data.train", "max_samples", "max_train_samples", "max_eval_samples", "dataset_fraction", "fraction");
        otherwise("optimizer.warmup is a share of the steps; give these steps over all steps", "warmup_steps", "num_warmup_steps",
                "lr_warmup_steps");
        otherwise("optimizer.min_ratio is the last rate over optimizer.learning_rate", "min_lr", "lr_scheduler_kwargs");
        otherwise("rollout.max_new_tokens bounds answers that are sampled; an answer of the data has what data.max_length leaves beside "
                + "its prompt", "max_completion_length", "max_target_length", "max_answer_length");
        otherwise("data.max_length is the tokens of prompt and answer, and rollout.max_new_tokens those of a sampled answer", "max_tokens",
                "max_token_len");
        otherwise("a prompt keeps its end and an answer its start; data.overlong says whether longer rows are cut or dropped",
                "truncation_mode", "truncation", "excess_length_strategy", "truncate_prompt");
        otherwise("optimizer.betas takes both, as [0.9, 0.95]", "adam_beta1", "adam_beta2", "beta1", "beta2");
        otherwise("the optimizer is AdamW; optimizer.state=8bit keeps its moments in 8 bits", "optim", "optimizer", "optim_args",
                "optimizer_type", "optim_target_modules");
        otherwise("objective.gamma is the margin itself: this ratio times objective.beta", "gamma_beta_ratio", "simpo_gamma_beta_ratio");
        otherwise("did you mean objective.label_smoothing, with objective.name cdpo (dpo itself has none)?", "label_smoothing", "dpo_label_smoothing");
        otherwise("cross-entropy is not smoothed; objective.label_smoothing is the share of wrong labels that cdpo and robust_dpo assume",
                "label_smoothing_factor");
        otherwise("recipe says what is run, and objective.name the loss of a pair", "rl", "finetuning_type", "task", "algorithm",
                "advantage_estimator", "do_train");
        otherwise("objective.name takes one loss; objective.likelihood adds the chosen answer's likelihood to it", "loss_weights", "objective",
                "loss");
        otherwise("such a variant of the loss is not offered; objective.class takes one of yours", "use_weighting", "ld_alpha",
                "f_divergence_type", "f_alpha_divergence_coef", "discopop_tau", "cpo_alpha", "orpo_alpha", "orpo_beta", "pref_bco_weight", "reference_free",
                "center_rewards_coefficient", "length_normalize", "rlhf_loss");
        otherwise("recipes that reinforce (PPO, GRPO and their like) are not offered; online-dpo, iterative-dpo and metaapo train on pairs "
                + "of sampled answers", "kl_coef", "init_kl_coef", "kl_target", "num_iterations", "epsilon", "epsilon_high", "cliprange", "eps_clip",
                "value_clip", "vf_coef", "lambd", "lam", "critic_learning_rate", "critic_pretrain", "scale_rewards", "reward_weights",
                "num_ppo_epochs", "entropy_coef");
        otherwise("data.loss=generation trains on all that the template's generation blocks mark; else recipe sft trains on the last "
                + "answer. A prompt is never trained on", "assistant_only_loss", "completion_only_loss", "train_on_inputs", "train_on_prompt",
                "mask_history", "roles_to_train", "train_on_eos", "only_last_assistant");
        otherwise("the template is the model folder's own; data.chat_template names one of several that it has", "template", "chat_template",
                "chat_template_path", "chat_template_jinja", "apply_chat_template", "input_template", "default_system", "dataset_kwargs");
        otherwise("the tokenizer and its special tokens are the model folder's own", "tokenizer", "tokenizer_name", "tokenizer_path",
                "tokenizer_type", "tokenizer_name_or_path", "use_fast_tokenizer", "special_tokens", "add_special_tokens", "eos_token", "pad_token",
                "resize_vocab", "tokenizer_config");
        otherwise("data.train takes a list of files, patterns and dataset folders", "dataset_dir", "dataset_info", "dataset_mixer", "pretraining_dataset");
        otherwise("the layout is told by a row's columns: docs/data.md", "dataset_text_field", "input_key", "label_key", "prompt_key", "chosen_key",
                "rejected_key", "label_names", "remove_unused_columns", "columns", "field_messages", "formatting", "type", "ds_type");
        otherwise("data.eval takes files or folders; a folder's split is named as FOLDER#SPLIT, in data.train too", "dataset_train_split",
                "dataset_test_split", "eval_split", "train_split", "test_split_size", "val_size", "val_set_size", "test_size", "split",
                "dataset_config", "subset");
        otherwise("data.shuffle=false keeps the rows' order", "disable_shuffling", "train_sampling_strategy", "no_shuffle", "curriculum_sampling");
        otherwise("rows are packed without padding, always", "packing", "sample_packing", "neat_packing", "padding_free", "packing_samples",
                "pad_to_sequence_len", "pad_to_multiple_of", "group_by_length", "packing_strategy", "eval_packing", "eval_sample_packing",
                "use_dynamic_batch", "multipack");
        otherwise("rows are read as a stream, and data.cache says where prepared ones are kept", "streaming", "dataset_streaming",
                "overwrite_cache", "cache_dir");
        otherwise("threads is of all work", "dataset_num_proc", "preprocessing_num_workers", "dataset_processes", "dataloader_num_workers",
                "num_workers", "num_proc", "processing_num_workers");
        otherwise("data.eval is evaluated after each epoch or slice", "eval_steps", "eval_strategy", "evaluation_strategy", "evals_per_epoch",
                "do_eval", "eval_on_start", "eval_delay", "eval_interval", "do_predict");
        otherwise("an evaluation samples nothing; metaapo generate --model out/model answers prompts", "generate_during_eval", "predict_with_generate");
        otherwise("rewards are the reward source's own; an answer that was cut before its end is counted, and not punished",
                "missing_eos_penalty", "non_eos_penalty");
        otherwise("every step is written to out/metrics.jsonl, and out/report.html draws it", "logging_steps", "logging_strategy",
                "logging_first_step", "plot_loss", "log_level", "logging", "disable_tqdm");
        otherwise("trackers names where a run's curves are shown: tensorboard, mlflow, trackio or a class of yours; every step is written to "
                + "out/metrics.jsonl too", "report_to", "logging_dir", "use_wandb", "use_tensorboard", "use_mlflow", "tracker", "log_with",
                "logger", "log_completions", "tensorboard_dir", "tb_log_dir");
        otherwise("out names the run", "name", "run_name", "project", "experiment_name", "project_name", "trial_name");
        otherwise("checkpoint.every is the optimizer steps between checkpoints; they lie in out/checkpoints, and the result in out/model",
                "save_strategy", "saves_per_epoch", "ckpt_path", "save_only_model", "save_hf_ckpt", "save_safetensors", "load_best_model_at_end",
                "metric_for_best_model", "checkpoint_dir", "early_stopping_patience");
        otherwise("the same command goes on from a run's newest checkpoint; another run takes another out", "resume_from_checkpoint",
                "load_checkpoint", "overwrite_output_dir", "auto_resume_from_checkpoints", "resume", "ignore_data_skip");
        otherwise("dtype is bf16 or f32; bf16 trains with f32 masters", "bf16", "fp16", "float16", "pure_bf16", "bfloat16", "bf16_full_eval",
                "fp16_full_eval", "tf32", "amp", "half");
        otherwise("device is auto, cpu or cuda:N", "use_cpu", "no_cuda", "device_map", "cuda_visible_devices", "gpu");
        otherwise("train.recompute=false keeps all activations", "disable_gradient_checkpointing", "gradient_checkpointing_kwargs",
                "activation_checkpointing_kwargs", "activation_offloading");
        otherwise("reference log-probs are computed once a pair, always", "precompute_ref_log_probs", "ref_log_probs");
        otherwise("reference.update=slice has the reference follow the policy, slice by slice", "sync_ref_model", "ref_model_sync_steps",
                "ref_model_mixup_alpha", "rl_adapter_ref_model", "ref_model_mixup");
        otherwise("adapter.path goes on with an adapter, against its own start; to begin a new one over it, merge it (metaapo merge) and give adapter.rank; "
                + "reference.path names another reference", "create_new_adapter", "ref_adapter_name", "model_adapter_name", "ref_model_adapters",
                "force_use_ref_model");
        otherwise("reference.offload keeps the reference's layers in host memory", "ref_offload", "ref_reward_offload", "offload_ref");
        otherwise("reward.path takes a local model, reward.adapter an adapter over one, and reward.url, reward.judge, reward.class and reward.command other sources",
                "reward_funcs", "reward_model_type", "reward_fn", "reward_functions", "judge_model");
        otherwise("recipe=reward-model trains a reward model, and reward.path takes one that gives rewards", "reward_model", "process_reward_model");
        otherwise("sampling has rollout.temperature, rollout.top_p and rollout.top_k", "min_p", "repetition_penalty", "no_repeat_ngram_size",
                "do_sample", "generation_kwargs", "sampling_params", "length_penalty", "num_beams");
        otherwise("no noise is applied in training, and no dropout but an adapter's, adapter.dropout", "disable_dropout", "dropout", "neftune_noise_alpha", "attention_dropout");
        otherwise("folders on disk are read, and nothing is downloaded or sent", "trust_remote_code", "push_to_hub", "model_revision", "revision",
                "token", "use_auth_token", "hf_token");
        otherwise("the engine has its own kernels; there is nothing to choose", "flash_attn", "flash_attention", "attn_implementation",
                "use_liger_kernel", "enable_liger_kernel", "torch_compile", "use_unsloth", "xformers_attention", "sdp_attention", "use_kernels",
                "low_cpu_mem_usage", "use_cache", "plugins", "auto_map");
        String weights = "model.quantize=nf4 (with double quantisation) or int8 packs the model's weights under an adapter";
        otherwise(weights, "load_in_8bit", "load_in_4bit", "quantization_bit", "quantization_method", "gptq", "use_bnb_nested_quant", "qlora");
        String adapter = "adapter.rank, such as 16, trains a LoRA adapter on all linear maps of the layers; metaapo keys adapter lists its keys";
        otherwise(adapter, "use_peft", "adapter", "peft_config", "lora_target_linear");
        otherwise("DoRA is not offered; adapter.rank trains a plain LoRA adapter, with adapter.rslora a rank-stabilised one", "use_dora", "peft_use_dora", "dora");
        otherwise("a fresh A is drawn uniform or normal (adapter.init), and B is zero", "pissa_init", "pissa_iter", "pissa_convert", "loftq_config");
        otherwise("a reward model's score head is trained and saved with its adapter by itself, and no other module is trained whole beside an adapter; "
                + "without one (adapter.rank=0) all weights are trained, lm_head and embed_tokens too", "modules_to_save", "lora_modules_to_save", "additional_target");
        String frozen = "all weights are trained, or an adapter beside them (adapter.rank)";
        otherwise(frozen, "unfrozen_parameters", "use_galore", "use_badam");
        String devices = "train --ranks N has N processes train together, each on a device of its own (docs/ranks.md), and train.shard says what they share out; "
                + "optimizer.state=8bit, optimizer.offload and train.recompute save memory";
        otherwise("train.shard says what ranks share out: optimizer, gradients and weights are ZeRO's stages 1, 2 and 3; optimizer.offload keeps "
                + "optimizer state in host memory", "deepspeed", "zero_stage", "fsdp", "zpg");
        otherwise(devices, "tensor_parallel_size", "local_rank", "num_gpus", "n_gpus", "num_processes",
                "world_size", "parallelism_config", "accelerator_config", "sequence_parallel_degree", "ring_attn_size", "colocate_all_models");
        String engine = "answers are sampled by the engine itself, on the run's device";
        otherwise(engine, "use_vllm", "use_transformers_paged", "infer_backend", "async_engine");
        BY_START.put("lora", adapter);
        BY_START.put("peft", adapter);
        BY_START.put("bnb", weights);
        BY_START.put("galore", frozen);
        BY_START.put("freeze", frozen);
        BY_START.put("deepspeed", devices);
        BY_START.put("fsdp", devices);
        BY_START.put("ddp", devices);
        BY_START.put("ds_", devices);
        BY_START.put("actor_num", devices);
        BY_START.put("ref_num", devices);
        BY_START.put("vllm", engine);
        BY_START.put("sglang", engine);
        BY_START.put("wandb", OTHERWISE.get("report_to"));
        BY_START.put("mlflow", OTHERWISE.get("report_to"));
        BY_START.put("comet", OTHERWISE.get("report_to"));
        BY_START.put("swanlab", OTHERWISE.get("report_to"));
        BY_START.put("hub_", OTHERWISE.get("push_to_hub"));
        BY_START.put("dataloader", OTHERWISE.get("num_workers"));
    }

    private ForeignNames() {}

    private static void same(String key, String... names) {
        for (String name : names) {
            put(SAME, name, key);
        }
    }

    private static void otherwise(String advice, String... names) {
        for (String name : names) {
            put(OTHERWISE, name, advice);
        }
    }

    private static void put(Map<String, String> map, String name, String text) {
        if (SAME.containsKey(name) || OTHERWISE.containsKey(name)) {
            throw new IllegalStateException(name + " stands twice in the table");
        }
        map.put(name, text);
    }

    /** The key that means the same, or null. */
    static String same(String name) {
        return SAME.get(name);
    }

    /** What to do instead, or null. */
    static String otherwise(String name) {
        String advice = OTHERWISE.get(name);
        if (advice != null) {
            return advice;
        }
        return BY_START.entrySet().stream().filter(entry -> name.startsWith(entry.getKey())).map(Map.Entry::getValue).findFirst().orElse(null);
    }

    /** All names that lead to a key, with it. */
    static Map<String, String> keys() {
        return SAME;
    }

    /** All names. */
    static Set<String> all() {
        List<String> names = new ArrayList<>(SAME.keySet());
        names.addAll(OTHERWISE.keySet());
        return Set.copyOf(names);
    }
}
