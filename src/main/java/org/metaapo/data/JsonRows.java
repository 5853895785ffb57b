package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/** JSONL, or one JSON array of objects; plain, gzip or zstd. */
final class JsonRows implements RowSource {
    @Override
    public void read(Path file, Sink sink) {
        try (Compression.Opened opened = Compression.open(file)) {
            refuseMark(file, opened.in());
            if (startsArray(opened.in())) {
                array(file, opened, sink);
            } else {
                lines(file, opened, sink);
            }
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        }
    }

    /** A byte-order mark is wrong of the whole file, not of its first row. */
    private static void refuseMark(Path file, InputStream in) throws IOException {
        in.mark(4);
        byte[] start = in.readNBytes(3);
        in.reset();
        StrictText.refuseMark(start, 0, start.length, file.toString());
    }

    private static boolean startsArray(InputStream in) throws IOException {
        in.mark(4096);
        int first = in.read();
        for (int i = 0; i < 4000 && (first == ' ' || first == '\n' || first == '\r' || first == '\t'); i++) {
            first = in.read();
        }
        in.reset();
        return first == '[';
    }

    private static void array(Path file, Compression.Opened opened, Sink sink) throws IOException {
        JsonElements elements = new JsonElements(opened.in(), file.toString());
        for (byte[] element = elements.next(); element != null; element = elements.next()) {
            byte[] bytes = element;
            Place place = new Place(file.toString(), Place.ELEMENT, elements.number());
            sink.row(bytes.length > RawRow.LARGEST
                    ? tooLong(place, "more than 16 MiB; expected an object of texts")
                    : new RawRow(place, bytes.length, () -> parse(bytes, place.toString(), 1)), opened.raw().count());
        }
    }

    private static RawRow tooLong(Place place, String what) {
        return new RawRow(place, 0, () -> {
            throw new DataException(place + ": " + what);
        });
    }

    private static void lines(Path file, Compression.Opened opened, Sink sink) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        boolean more = true;
        for (long number = 1; more; number++) {
            line.reset();
            more = readLine(opened.in(), line);
            Place place = new Place(file.toString(), Place.LINE, number);
            if (line.size() > RawRow.LARGEST) {
                sink.row(tooLong(place, "a line of more than 16 MiB; expected a JSON object on each line"), opened.raw().count());
                continue;
            }
            byte[] bytes = line.toByteArray();
            if (!isBlank(bytes)) {
                sink.row(new RawRow(place, bytes.length, () -> parse(bytes, place.file(), place.number())), opened.raw().count());
            }
        }
    }

    private static JsonNode parse(byte[] bytes, String where, long firstLine) {
        String text = StrictText.decode(bytes, 0, bytes.length, where, firstLine);
        return Json.parse(text, where, firstLine);
    }

    /** Reads to the line's end; of a line that is too long only one byte too many is kept. */
    private static boolean readLine(InputStream in, ByteArrayOutputStream line) throws IOException {
        for (int b = in.read(); b >= 0; b = in.read()) {
            if (b == '\n') {
                return true;
            }
            if (line.size() <= RawRow.LARGEST) {
                line.write(b);
            }
        }
        return false;
    }

    private static boolean isBlank(byte[] bytes) {
        for (byte b : bytes) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }
}
