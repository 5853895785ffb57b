package org.metaapo.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * A folder's event files as TensorBoard's EventAccumulator reads them: in the order of names, a START forgets numbers and histograms of its
 * step and later, but no tensors; a record that is not whole waits.
 */
final class EventReader {
    /** Step and value of each point, by tag. */
    final Map<String, List<Map.Entry<Long, Float>>> scalars = new TreeMap<>();
    final Map<String, List<Long>> histograms = new TreeMap<>();
    final Map<String, List<Map.Entry<Long, String>>> texts = new TreeMap<>();
    final List<Long> starts = new ArrayList<>();

    static EventReader of(Path folder) throws IOException {
        EventReader reader = new EventReader();
        for (Path file : EventFile.files(folder)) {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            while (bytes.remaining() >= 12 && bytes.remaining() >= 16 + bytes.getLong(bytes.position())) {
                byte[] length = new byte[8];
                bytes.get(length);
                check(length, bytes.getInt());
                byte[] event = new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
                bytes.get(event);
                check(event, bytes.getInt());
                reader.take(ByteBuffer.wrap(event).order(ByteOrder.LITTLE_ENDIAN));
            }
        }
        return reader;
    }

    private static void check(byte[] bytes, int masked) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        int rotated = masked - 0xa282ead8;
        assertThat((rotated << 15 | rotated >>> 17) & 0xffffffffL).isEqualTo(crc.getValue());
    }

    List<Long> steps(String tag) {
        return scalars.getOrDefault(tag, List.of()).stream().map(Map.Entry::getKey).toList();
    }

    private void take(ByteBuffer event) {
        long step = 0;
        while (event.hasRemaining()) {
            long tag = varint(event);
            switch ((int) (tag >>> 3)) {
                case 2 -> step = varint(event);
                case 5 -> values(step, part(event));
                case 7 -> {
                    starts.add(step);
                    long from = step;
                    scalars.values().forEach(points -> points.removeIf(point -> point.getKey() >= from));
                    histograms.values().forEach(points -> points.removeIf(point -> point >= from));
                    event.position(event.limit());
                }
                default -> skip(event, tag);
            }
        }
    }

    private void values(long step, ByteBuffer summary) {
        while (summary.hasRemaining()) {
            varint(summary);
            value(step, part(summary));
        }
    }

    private void value(long step, ByteBuffer value) {
        String name = "";
        while (value.hasRemaining()) {
            long tag = varint(value);
            switch ((int) (tag >>> 3)) {
                case 1 -> name = text(part(value));
                case 2 -> scalars.computeIfAbsent(name, x -> new ArrayList<>()).add(Map.entry(step, value.getFloat()));
                case 5 -> {
                    part(value);
                    histograms.computeIfAbsent(name, x -> new ArrayList<>()).add(step);
                }
                case 8 -> tensor(name, step, part(value));
                default -> skip(value, tag);
            }
        }
    }

    private void tensor(String name, long step, ByteBuffer tensor) {
        String content = "";
        while (tensor.hasRemaining()) {
            long tag = varint(tensor);
            if (tag >>> 3 == 8) {
                content = text(part(tensor));
            } else {
                skip(tensor, tag);
            }
        }
        texts.computeIfAbsent(name, x -> new ArrayList<>()).add(Map.entry(step, content));
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = in.get();
            value |= (b & 0x7FL) << shift;
            if (b >= 0) {
                return value;
            }
        }
    }

    private static ByteBuffer part(ByteBuffer in) {
        int length = (int) varint(in);
        ByteBuffer part = in.slice(in.position(), length).order(ByteOrder.LITTLE_ENDIAN);
        in.position(in.position() + length);
        return part;
    }

    private static String text(ByteBuffer in) {
        return StandardCharsets.UTF_8.decode(in).toString();
    }

    private static void skip(ByteBuffer in, long tag) {
        switch ((int) (tag & 7)) {
            case 0 -> varint(in);
            case 1 -> in.getLong();
            case 2 -> part(in);
            default -> in.getInt();
        }
    }
}
