package org.metaapo.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;
import org.metaapo.files.StrictText;

/** JSONL, or one JSON array of objects; plain, gzip or zstd. */
final class JsonRows implements RowSource {
    private static final ObjectReader ELEMENT = Json.mapper().reader().without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    @Override
    public void read(Path file, Sink sink) {
        try (Compression.Opened opened = Compression.open(file)) {
            refuseMark(file, opened.in());
            if (startsArray(opened.in())) {
                array(file, opened, sink);
            } else {
                lines(file, opened, sink);
            }
        } catch (JsonProcessingException e) {
            throw Json.malformed(file.toString(), 1, e);
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
        ElementBytes bytes = new ElementBytes(opened.in(), file);
        try (JsonParser parser = Json.mapper().createParser(bytes)) {
            parser.nextToken();
            for (; parser.nextToken() != JsonToken.END_ARRAY; bytes.next()) {
                if (parser.currentToken() == null) {
                    throw new DataException(file + ": not valid JSON: the list does not end");
                }
                JsonNode row = ELEMENT.readTree(parser);
                sink.row(new RawRow(bytes.place(), bytes.read, () -> row), opened.raw().count());
            }
            if (parser.nextToken() != null) {
                throw new DataException(file + ": not valid JSON: something follows the list");
            }
        }
    }

    private static void lines(Path file, Compression.Opened opened, Sink sink) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        boolean more = true;
        for (long number = 1; more; number++) {
            line.reset();
            more = readLine(opened.in(), line);
            Place place = new Place(file.toString(), Place.LINE, number);
            if (line.size() > RawRow.LARGEST) {
                sink.row(new RawRow(place, 0, () -> {
                    throw new DataException(place + ": a line of more than 16 MiB; expected a JSON object on each line");
                }), opened.raw().count());
                continue;
            }
            byte[] bytes = line.toByteArray();
            if (!isBlank(bytes)) {
                sink.row(new RawRow(place, bytes.length, () -> parse(bytes, place)), opened.raw().count());
            }
        }
    }

    private static JsonNode parse(byte[] bytes, Place place) {
        String text = StrictText.decode(bytes, 0, bytes.length, place.file(), place.number());
        return Json.parse(text, place.file(), place.number());
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

    /** Bounds what one element of a list may take. */
    private static final class ElementBytes extends FilterInputStream {
        private final Path file;
        private long number = 1;
        private long read;

        ElementBytes(InputStream in, Path file) {
            super(in);
            this.file = file;
        }

        void next() {
            number++;
            read = 0;
        }

        Place place() {
            return new Place(file.toString(), Place.ELEMENT, number);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            read += Math.max(0, count);
            if (read > RawRow.LARGEST) {
                throw new DataException(place() + ": more than 16 MiB; expected an object of texts");
            }
            return count;
        }
    }
}
