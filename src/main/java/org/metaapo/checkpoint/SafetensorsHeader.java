package org.metaapo.checkpoint;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.metaapo.error.DataException;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/**
 * Strict parser of a safetensors header (format of huggingface/safetensors): a JSON object of
 * {@code name: {dtype, shape, data_offsets}} and an optional {@code __metadata__} of strings. The tensors must tile the
 * data section: no hole, no overlap, nothing after the last.
 */
final class SafetensorsHeader {
    /** Largest header that is read, in bytes; the limit of the format's own library. */
    static final long MAX_BYTES = 100_000_000;

    private static final String METADATA = "__metadata__";

    private final String file;
    private final long dataStart;
    private final long dataBytes;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final List<TensorInfo> tensors = new ArrayList<>();

    private SafetensorsHeader(String file, long dataStart, long dataBytes) {
        this.file = file;
        this.dataStart = dataStart;
        this.dataBytes = dataBytes;
    }

    /**
     * Parses a header.
     *
     * @param json the header's bytes
     * @param dataBytes bytes of the file after the header
     * @param file name for messages
     */
    static SafetensorsHeader parse(byte[] json, long dataBytes, String file) {
        SafetensorsHeader header = new SafetensorsHeader(file, 8L + json.length, dataBytes);
        if (json.length == 0 || json[0] != '{') {
            throw header.bad("the header must start with '{'");
        }
        String text = StrictText.decode(json, 0, json.length, file + " (header)", 1);
        try (JsonParser parser = Json.mapper().createParser(text)) {
            header.readObject(parser);
            if (parser.nextToken() != null) {
                throw header.bad("content after the header's closing brace");
            }
        } catch (JsonProcessingException failure) {
            throw Json.malformed(file + " (header)", 1, failure);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        header.checkTiling();
        return header;
    }

    /** The file's tensors by name, in the order of their data. */
    Map<String, TensorInfo> tensors() {
        Map<String, TensorInfo> byName = new LinkedHashMap<>();
        tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
        return Collections.unmodifiableMap(byName);
    }

    Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    private void readObject(JsonParser parser) throws IOException {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            expect(parser.nextToken(), JsonToken.START_OBJECT, name, "an object");
            if (name.equals(METADATA)) {
                readMetadata(parser);
            } else {
                tensors.add(readTensor(parser, name));
            }
        }
    }

    private void readMetadata(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + "." + key, "text");
            metadata.put(key, parser.getText());
        }
    }

    private TensorInfo readTensor(JsonParser parser, String name) throws IOException {
        Dtype dtype = null;
        long[] shape = null;
        long[] offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            JsonToken token = parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    expect(token, JsonToken.VALUE_STRING, name + ".dtype", "text");
                    dtype = dtype(name, parser.getText());
                }
                case "shape" -> shape = readLongs(parser, token, name + ".shape");
                case "data_offsets" -> offsets = readLongs(parser, token, name + ".data_offsets");
                default -> throw bad("tensor " + name + ": unknown key '" + key + "'");
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            String missing = dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets";
            throw bad("tensor " + name + ": '" + missing + "' is missing");
        }
        return checkedTensor(name, dtype, shape, offsets);
    }

    private Dtype dtype(String name, String text) {
        Optional<Dtype> dtype = Dtype.ofName(text);
        return dtype.orElseThrow(
                () -> bad("tensor " + name + ": dtype '" + text + "' is not known, expected one of " + Dtype.names()));
    }

    private TensorInfo checkedTensor(String name, Dtype dtype, long[] shape, long[] offsets) {
        if (offsets.length != 2 || offsets[0] > offsets[1] || offsets[1] > dataBytes) {
            throw bad("tensor " + name + ": data_offsets " + Arrays.toString(offsets)
                    + ", expected [begin, end] within the " + dataBytes + " data bytes of the file");
        }
        long expected;
        try {
            expected = TensorInfo.checkedBytes(name, dtype, shape);
        } catch (IllegalArgumentException overflow) {
            throw bad(overflow.getMessage());
        }
        long found = offsets[1] - offsets[0];
        if (found != expected) {
            throw bad("tensor " + name + ": shape " + Arrays.toString(shape) + " of " + dtype + " needs " + expected
                    + " bytes, but data_offsets " + Arrays.toString(offsets) + " span " + found);
        }
        return new TensorInfo(name, dtype, shape, dataStart + offsets[0], found);
    }

    private long[] readLongs(JsonParser parser, JsonToken token, String what) throws IOException {
        expect(token, JsonToken.START_ARRAY, what, "a list of integers");
        List<Long> values = new ArrayList<>();
        for (JsonToken item = parser.nextToken(); item != JsonToken.END_ARRAY; item = parser.nextToken()) {
            expect(item, JsonToken.VALUE_NUMBER_INT, what, "a list of integers");
            JsonParser.NumberType type = parser.getNumberType();
            if (type == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
                throw bad(what + ": " + parser.getText() + " is out of range, expected 0 to 2^63-1");
            }
            values.add(parser.getLongValue());
        }
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    private void checkTiling() {
        tensors.sort(Comparator.comparingLong(TensorInfo::offset).thenComparingLong(TensorInfo::bytes));
        long end = dataStart;
        String before = "the start of the data";
        for (TensorInfo tensor : tensors) {
            if (tensor.offset() != end) {
                String fault = tensor.offset() < end ? "overlaps " : "leaves a hole after ";
                throw bad("tensor " + tensor.name() + " " + fault + before + ": it begins at data offset "
                        + (tensor.offset() - dataStart) + ", expected " + (end - dataStart));
            }
            end += tensor.bytes();
            before = "tensor " + tensor.name();
        }
        long found = dataStart + dataBytes;
        if (end != found) {
            throw bad("the file has " + found + " bytes, but its header describes " + end + ": " + (found - end)
                    + " trailing bytes");
        }
    }

    private void expect(JsonToken found, JsonToken wanted, String what, String description) {
        if (found != wanted) {
            throw bad(what + ": expected " + description + ", found "
                    + (found == null ? "the end" : found.name().toLowerCase(Locale.ROOT)));
        }
    }

    private DataException bad(String what) {
        return new DataException(file + ": not a valid safetensors file: " + what);
    }
}
