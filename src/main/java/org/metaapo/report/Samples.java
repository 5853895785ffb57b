package org.metaapo.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.metaapo.files.Json;
import org.metaapo.report.SampleFile.Number;

/**
 * The samples of a run, a slice a file: numbers in memory, texts read when they are asked for. Slices are named by epoch and slice, as in
 * {@code 0.3}; rows by their number in the slice, from 0. Calls may come from several threads.
 */
public final class Samples {
    private static final String INNER = "samples";
    private static final Pattern NAME = Pattern.compile("epoch-([0-9]{1,9})-slice-([0-9]{1,9})\\.jsonl");
    private static final List<String> TEXTS = List.of("prompt", "chosen", "rejected", "given_chosen", "given_rejected");
    /** The most characters of a prompt in a list. */
    private static final int EXCERPT = 300;

    private final RunFiles files;
    private final Map<String, Slice> slices = new TreeMap<>();

    private record Slice(String key, long epoch, long number, RunFiles.Version version, SampleFile rows) {}

    /** Of a run's folder; nothing is read yet. */
    public Samples(RunFiles files) {
        this.files = files;
    }

    /**
     * Reads what is new, what has changed, and forgets what is gone; ends after the file in which {@code nanos} have passed.
     *
     * @return keys of the slices that are other than before
     */
    public List<String> refresh(long nanos) {
        long until = System.nanoTime() + nanos;
        List<String> changed = new ArrayList<>();
        Map<String, RunFiles.Version> found = files.list(INNER, ".jsonl");
        for (String name : names()) {
            if (!found.containsKey(name)) {
                changed.add(remove(name).key());
            }
        }
        for (Map.Entry<String, RunFiles.Version> entry : found.entrySet()) {
            Matcher matcher = NAME.matcher(entry.getKey());
            Slice known = slice(entry.getKey());
            if (!matcher.matches() || known != null && known.version().equals(entry.getValue())) {
                continue;
            }
            long epoch = Long.parseLong(matcher.group(1));
            long number = Long.parseLong(matcher.group(2));
            Slice read = new Slice(epoch + "." + number, epoch, number, entry.getValue(), read(entry.getKey()));
            put(entry.getKey(), read);
            changed.add(read.key());
            if (System.nanoTime() - until > 0) {
                break;
            }
        }
        return changed;
    }

    private SampleFile read(String name) {
        try (SeekableByteChannel channel = files.open(INNER, name)) {
            return SampleFile.read(channel);
        } catch (IOException e) {
            return new SampleFile();
        }
    }

    private synchronized List<String> names() {
        return List.copyOf(slices.keySet());
    }

    private synchronized Slice slice(String name) {
        return slices.get(name);
    }

    private synchronized void put(String name, Slice slice) {
        slices.put(name, slice);
    }

    private synchronized Slice remove(String name) {
        return slices.remove(name);
    }

    private synchronized List<Map.Entry<String, Slice>> all() {
        return List.copyOf(slices.entrySet());
    }

    private Map.Entry<String, Slice> find(String key) {
        return all().stream().filter(entry -> entry.getValue().key().equals(key)).findFirst().orElse(null);
    }

    /** The lowest score of all rows; 0 where there is none below. */
    public double lowestScore() {
        return all().stream().mapToDouble(entry -> entry.getValue().rows().lowestScore()).min().orElse(0);
    }

    /** Keys of all slices, in their order. */
    public List<String> keys() {
        return all().stream().map(entry -> entry.getValue().key()).toList();
    }

    /** How many rows there are. */
    public long rows() {
        return all().stream().mapToLong(entry -> entry.getValue().rows().count()).sum();
    }

    /** What is said of a slice, with its {@code key}, {@code epoch} and {@code slice}; null where there is none. */
    public ObjectNode summary(String key) {
        Map.Entry<String, Slice> found = find(key);
        if (found == null) {
            return null;
        }
        Slice slice = found.getValue();
        ObjectNode node = Json.mapper().createObjectNode().put("key", key).put("epoch", slice.epoch()).put("slice", slice.number());
        return node.setAll(slice.rows().summary());
    }

    /** The numbers of a slice's rows, of at most so many; null where there is no such slice. */
    public ObjectNode columns(String key, int most) {
        Map.Entry<String, Slice> found = find(key);
        return found == null ? null : found.getValue().rows().columns(most);
    }

    /** A row as it stands in its file, with {@code history}: what the run thought of it in each epoch. Null where there is none. */
    public ObjectNode row(String key, int index) {
        Map.Entry<String, Slice> found = find(key);
        if (found == null || index < 0 || index >= found.getValue().rows().count()) {
            return null;
        }
        SampleFile rows = found.getValue().rows();
        try (SeekableByteChannel channel = files.open(INNER, found.getKey())) {
            return read(rows.text(channel, index)) instanceof ObjectNode node ? node.<ObjectNode>set("history", history(rows.row(index))) : null;
        } catch (IOException e) {
            return null;
        }
    }

    private static JsonNode read(byte[] text) throws IOException {
        return text == null ? null : Json.mapper().readTree(text);
    }

    private ArrayNode history(long row) {
        ArrayNode list = Json.mapper().createArrayNode();
        for (Map.Entry<String, Slice> entry : all()) {
            SampleFile rows = entry.getValue().rows();
            for (int i = 0; i < rows.count(); i++) {
                if (row >= 0 && rows.row(i) == row) {
                    ObjectNode node = list.addObject().put("epoch", entry.getValue().epoch()).put("slice", entry.getValue().number());
                    node.put("sampled", rows.isSampled(i));
                    putFinite(node, "weight", rows.number(Number.WEIGHT, i));
                    putFinite(node, "uniform", rows.number(Number.UNIFORM, i));
                }
            }
        }
        return list;
    }

    private static void putFinite(ObjectNode node, String name, float value) {
        if (Float.isFinite(value)) {
            node.put(name, value);
        }
    }

    /** Beginnings of the prompts of some rows; null for one that is not to be had. */
    public ArrayNode prompts(String key, int[] indices) {
        ArrayNode list = Json.mapper().createArrayNode();
        Map.Entry<String, Slice> found = find(key);
        if (found == null) {
            return list;
        }
        try (SeekableByteChannel channel = files.open(INNER, found.getKey())) {
            for (int index : indices) {
                boolean isThere = index >= 0 && index < found.getValue().rows().count();
                JsonNode row = isThere ? read(found.getValue().rows().text(channel, index)) : null;
                String prompt = row == null ? null : row.path("prompt").asText("");
                list.add(prompt == null || prompt.length() <= EXCERPT ? prompt : prompt.substring(0, EXCERPT) + "…");
            }
        } catch (IOException e) {
            return list;
        }
        return list;
    }

    /** Numbers of a slice's rows whose prompt or an answer has a text in it, whatever its case. */
    public ArrayNode find(String key, String text) {
        ArrayNode list = Json.mapper().createArrayNode();
        Map.Entry<String, Slice> found = find(key);
        if (found == null) {
            return list;
        }
        String wanted = text.toLowerCase(Locale.ROOT);
        SampleFile rows = found.getValue().rows();
        try (SeekableByteChannel channel = files.open(INNER, found.getKey())) {
            for (int i = 0; i < rows.count(); i++) {
                JsonNode row = read(rows.text(channel, i));
                if (row != null && hasText(row, wanted)) {
                    list.add(i);
                }
            }
        } catch (IOException e) {
            return list;
        }
        return list;
    }

    private static boolean hasText(JsonNode row, String wanted) {
        for (String name : TEXTS) {
            if (isIn(row.path(name), wanted)) {
                return true;
            }
        }
        for (JsonNode answer : row.path("answers")) {
            if (isIn(answer.path("text"), wanted)) {
                return true;
            }
        }
        return false;
    }

    /** A text, or turns with their fields. */
    private static boolean isIn(JsonNode said, String wanted) {
        if (said.isTextual()) {
            return said.textValue().toLowerCase(Locale.ROOT).contains(wanted);
        }
        for (JsonNode inner : said) {
            if (isIn(inner, wanted)) {
                return true;
            }
        }
        return false;
    }
}
