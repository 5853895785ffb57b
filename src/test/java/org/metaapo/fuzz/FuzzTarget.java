package org.metaapo.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.metaapo.checkpoint.SafetensorsFile;
import org.metaapo.config.RunConfig;
import org.metaapo.data.DataFiles;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;
import org.metaapo.model.ModelFolder;
import org.metaapo.report.Report;
import org.metaapo.reward.ServiceReplies;
import org.metaapo.text.Answer;
import org.metaapo.text.ChatFormat;
import org.metaapo.text.Conversation;
import org.metaapo.text.Message;
import org.metaapo.text.Tokenizer;
import org.metaapo.text.template.Template;
import org.metaapo.train.RunFolder;

/** What reads files of others. An input is good or refused by a {@link org.metaapo.error.MetaapoException} of one line. */
enum FuzzTarget {
    /** The source of a template, rendered with a conversation. */
    TEMPLATE {
        @Override
        void run(byte[] input, Path scratch) {
            Template.parse("template", StrictText.decode(input, 0, input.length, "template", 1)).render(CONVERSATION);
        }
    },

    /** Any JSON as the variables of the templates that models have. */
    TEMPLATE_VALUES {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            String text = StrictText.decode(input, 0, input.length, "values", 1);
            Map<String, Object> values = Json.parse(text, "values").isObject() ? FuzzSeeds.map(text) : Map.of("messages", text);
            int template = Math.floorMod(text.hashCode(), FuzzSeeds.templates().size());
            Template.parse("template", FuzzSeeds.templates().get(template)).renderMarked(values);
        }
    },

    /** A safetensors file, all tensors read. */
    SAFETENSORS {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            try (SafetensorsFile file = SafetensorsFile.open(Files.write(scratch.resolve("model.safetensors"), input))) {
                file.tensors().keySet().forEach(file::map);
            }
        }
    },

    /** The config.json of a model folder. */
    MODEL_CONFIG {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            Files.write(scratch.resolve("config.json"), input);
            ModelFolder.open(scratch).close();
        }
    },

    /** The YAML of a run. */
    RUN_CONFIG {
        @Override
        void run(byte[] input, Path scratch) {
            RunConfig.parse(StrictText.decode(input, 0, input.length, "run.yaml", 1), "run.yaml", List.of()).toYaml();
        }
    },

    /** Rows as JSONL or JSON, of every schema. */
    ROWS {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            readRows(Files.write(scratch.resolve("rows.jsonl"), input));
        }
    },

    /** Rows in gzip. */
    GZIP {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            readRows(Files.write(scratch.resolve("rows.jsonl.gz"), input));
        }
    },

    /** Rows in zstd. */
    ZSTD {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            readRows(Files.write(scratch.resolve("rows.jsonl.zst"), input));
        }
    },

    /** Rows in Parquet. */
    PARQUET {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            readRows(Files.write(scratch.resolve("rows.parquet"), input));
        }
    },

    /** A tokenizer, used once. */
    TOKENIZER {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            Files.write(scratch.resolve("tokenizer.json"), input);
            try (Tokenizer tokenizer = Tokenizer.load(scratch)) {
                tokenizer.decode(tokenizer.encode("Hello, wörld 😀 <|im_end|>"), false);
            }
        }
    },

    /** Special tokens and templates of a tokenizer's configuration. */
    CHAT_FORMAT {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            Files.write(scratch.resolve("tokenizer_config.json"), input);
            if (!Files.exists(scratch.resolve("tokenizer.json"))) {
                Files.copy(Fixtures.path("tiny-llama").resolve("tokenizer.json"), scratch.resolve("tokenizer.json"));
            }
            try (Tokenizer tokenizer = Tokenizer.load(scratch)) {
                ChatFormat.load(scratch, tokenizer, new int[0], false)
                        .encode(new Conversation(List.of(new Message("user", "Name a prime."))), Answer.of("Seven."));
            }
        }
    },

    /** The reply of a reward service. */
    SERVICE_REPLY {
        @Override
        void run(byte[] input, Path scratch) {
            ServiceReplies.read(input);
        }
    },

    /** The metrics of a run, for its report. */
    METRICS {
        @Override
        void run(byte[] input, Path scratch) throws IOException {
            Files.write(scratch.resolve("metrics.jsonl"), input);
            Report.write(new RunFolder(scratch));
        }
    };

    private static final Map<String, Object> CONVERSATION = Map.of(
            "messages", List.of(Map.of("role", "user", "content", "Hi {{ x }}"), Map.of("role", "assistant", "content", "é😀")),
            "add_generation_prompt", true, "bos_token", "<s>", "eos_token", "</s>", "n", 3L, "f", 2.5);

    /** Reads one input; {@code scratch} is a folder that the target may use as it likes. */
    abstract void run(byte[] input, Path scratch) throws IOException;

    private static void readRows(Path file) {
        List<String> columns = new ArrayList<>();
        DataFiles.load(List.of(file), new DataFiles.Options("train", true, 1)).schemas().values().forEach(s -> columns.add(s.columns()));
    }
}
