package org.metaapo.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.api.ReadSupport;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.parquet.io.InputFile;
import org.apache.parquet.io.LocalInputFile;
import org.metaapo.error.DataException;
import org.metaapo.error.MetaapoException;
import org.metaapo.files.FileFailures;

/** Parquet, nested lists of structs included. Texts are decoded strictly, which mappers to Java objects do not. */
final class ParquetRows implements RowSource {
    @Override
    public void read(Path file, Sink sink) {
        long number = 0;
        try {
            long fileBytes = Files.size(file);
            long all = ParquetPages.check(file);
            long content = 0;
            try (ParquetReader<Group> reader = new Builder(new LocalInputFile(file)).build()) {
                for (Group row = reader.read(); row != null; row = reader.read()) {
                    number++;
                    Place place = new Place(file.toString(), Place.ROW, number);
                    long bytes = ParquetValues.bytes(row);
                    content += bytes;
                    Compression.checkGrowth(file, fileBytes, content);
                    sink.row(raw(place, row, bytes), Math.round((double) fileBytes * number / Math.max(all, number)));
                }
            }
        } catch (MetaapoException e) {
            throw e;
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        } catch (RuntimeException e) {
            throw new DataException(file + ": not readable as Parquet after row " + number + ": " + ParquetPages.firstLine(e), e);
        } catch (OutOfMemoryError e) {
            throw new DataException(file + ": not readable as Parquet after row " + number + ": it asks for more memory than there is", e);
        }
    }

    private static RawRow raw(Place place, Group row, long bytes) {
        if (bytes > RawRow.LARGEST) {
            return new RawRow(place, 0, () -> {
                throw new DataException(place + ": more than 16 MiB; expected texts of an answer's length");
            });
        }
        return new RawRow(place, bytes, () -> ParquetValues.json(row, place));
    }

    /** Reads rows as groups, without Hadoop's configuration. */
    private static final class Builder extends ParquetReader.Builder<Group> {
        Builder(InputFile file) {
            super(file, new PlainParquetConfiguration());
        }

        @Override
        protected ReadSupport<Group> getReadSupport() {
            return new GroupReadSupport();
        }
    }
}
