package org.metaapo.fuzz;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.metaapo.files.Fixtures;
import org.metaapo.files.Json;

/** Good inputs to start from: the files of {@code src/test/resources/fuzz}, and fixtures of the other tests. */
final class FuzzSeeds {
    private static final List<String> TEMPLATES = texts(resource("templates"), ".jinja");

    private FuzzSeeds() {}

    /** Writes the seeds of a target, given by its name, into a folder: a corpus for Jazzer. Without arguments lists the targets. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 0) {
            for (FuzzTarget target : FuzzTarget.values()) {
                System.out.println(target);
            }
            return;
        }
        Path folder = Files.createDirectories(Path.of(arguments[1]));
        List<byte[]> seeds = of(FuzzTarget.valueOf(arguments[0]));
        for (int i = 0; i < seeds.size(); i++) {
            Files.write(folder.resolve("seed-" + i), seeds.get(i));
        }
    }

    /** Sources of the templates that models have. */
    static List<String> templates() {
        return TEMPLATES;
    }

    static Map<String, Object> map(String json) throws IOException {
        return Json.mapper().readerForMapOf(Object.class).with(DeserializationFeature.USE_LONG_FOR_INTS).readValue(json);
    }

    static List<byte[]> of(FuzzTarget target) {
        List<byte[]> rows = files(resource("fuzz/rows"), "");
        return switch (target) {
            case TEMPLATE -> bytes(TEMPLATES);
            case TEMPLATE_VALUES -> files(resource("fuzz/values"), "");
            case SAFETENSORS -> files(resource("fuzz/safetensors"), "");
            case MODEL_CONFIG -> files(Fixtures.path("tiny-llama"), "config.json");
            case RUN_CONFIG -> files(resource("fuzz/run-config"), "");
            case ROWS -> rows;
            case GZIP -> rows.stream().map(FuzzSeeds::gzip).toList();
            case ZSTD -> rows.stream().map(row -> Zstd.compress(row)).toList();
            case PARQUET -> files(resource("fuzz/parquet"), "");
            case TOKENIZER -> Stream.of("llama-3", "qwen2.5", "legacy", "mistral")
                    .flatMap(name -> files(resource("tokenizers/" + name), "tokenizer.json").stream())
                    .toList();
            case CHAT_FORMAT -> files(resource("fuzz/chat-format"), "");
            case SERVICE_REPLY -> files(resource("fuzz/service-reply"), "");
            case METRICS -> files(resource("fuzz/metrics"), "");
        };
    }

    private static Path resource(String name) {
        try {
            return Path.of(FuzzSeeds.class.getResource("/" + name).toURI());
        } catch (URISyntaxException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static List<byte[]> files(Path folder, String end) {
        List<byte[]> contents = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> file.toString().endsWith(end)).sorted().toList()) {
                contents.add(Files.readAllBytes(file));
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        return contents;
    }

    private static List<String> texts(Path folder, String end) {
        return files(folder, end).stream().map(file -> new String(file, StandardCharsets.UTF_8)).toList();
    }

    private static List<byte[]> bytes(List<String> texts) {
        return texts.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
    }

    private static byte[] gzip(byte[] content) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(content);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        return out.toByteArray();
    }
}
