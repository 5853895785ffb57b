package org.metaapo.tracking;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.metaapo.files.AtomicFiles;

/**
 * An event file of TensorBoard that is written: records, each its length as a little-endian u64, the length's masked CRC, the event, the
 * event's masked CRC (tensorflow/core/lib/io/record_writer.h).
 */
final class EventFile implements AutoCloseable {
    /** Readers take a folder's files in the order of their names. */
    private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.(\\d{10})\\..*");
    private static final int MASK = 0xa282ead8;
    private static final int AROUND = 2 * Integer.BYTES + Long.BYTES;

    private final FileChannel channel;

    /** Makes a file, which must not be there, with its first record. */
    EventFile(Path path, double time) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        try {
            write(Events.fileVersion(time));
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /** Makes the next file of a folder, whose name comes after those that are there. */
    static EventFile next(Path folder, double time) throws IOException {
        Files.createDirectories(folder);
        long seconds = (long) time;
        for (Path file : files(folder)) {
            Matcher name = NAME.matcher(file.getFileName().toString());
            if (name.matches()) {
                seconds = Math.max(seconds, Long.parseLong(name.group(1)) + 1);
            }
        }
        return new EventFile(folder.resolve(String.format(
                Locale.ROOT, "events.out.tfevents.%010d.%s.%d.0", seconds, host(), ProcessHandle.current().pid())), time);
    }

    /** The event files of a folder, in the order that they are read in. */
    static List<Path> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> NAME.matcher(file.getFileName().toString()).matches()).sorted().toList();
        }
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9-]", "-");
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    /** Writes a record at once; one that could not be written whole leaves nothing, for readers stop at a broken one. */
    void write(ProtoMessage event) throws IOException {
        long start = channel.position();
        try {
            AtomicFiles.writeFully(channel, record(event.toBytes()));
        } catch (IOException e) {
            channel.truncate(start);
            throw e;
        }
    }

    static ByteBuffer record(byte[] data) {
        byte[] length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(data.length).array();
        return ByteBuffer.allocate(AROUND + data.length).order(ByteOrder.LITTLE_ENDIAN)
                .put(length).putInt(masked(length)).put(data).putInt(masked(data)).flip();
    }

    private static int masked(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
    }

    void force() throws IOException {
        channel.force(true);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
