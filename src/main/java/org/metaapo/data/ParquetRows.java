package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.jerolba.carpet.CarpetReader;
import com.jerolba.carpet.CloseableIterator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.metaapo.error.DataException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.Json;

/** Parquet, nested lists of structs included. */
final class ParquetRows implements RowSource {
    @Override
    @SuppressWarnings("rawtypes")
    public void read(Path file, Sink sink) {
        long number = 0;
        try (CloseableIterator<Map> rows = new CarpetReader<>(file.toFile(), Map.class).iterator()) {
            while (rows.hasNext()) {
                JsonNode row = Json.mapper().valueToTree(rows.next());
                number++;
                sink.row(row, file + ", row " + number);
            }
        } catch (DataException e) {
            throw e;
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        } catch (RuntimeException e) {
            String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new DataException(file + ": not readable as Parquet after row " + number + ": " + message, e);
        }
    }
}
