package org.metaapo.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.MessageColumnIO;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.metaapo.error.DataException;
import org.metaapo.error.MetaapoException;
import org.metaapo.files.FileFailures;
import org.metaapo.files.StandardInput;

/** Parquet, nested lists of structs included. Texts are decoded strictly, which mappers to Java objects do not. */
final class ParquetRows implements RowSource {
    @Override
    public void read(Path file, Sink sink) {
        long number = 0;
        try {
            long fileBytes = Files.size(StandardInput.file(file));
            long all = ParquetPages.check(file);
            long content = 0;
            try (ParquetFileReader reader = ParquetPages.open(file)) {
                MessageType schema = reader.getFileMetaData().getSchema();
                MessageColumnIO columns = new ColumnIOFactory(reader.getFileMetaData().getCreatedBy()).getColumnIO(schema);
                for (int block = 0; block < reader.getRowGroups().size(); block++) {
                    long left = reader.getRowGroups().get(block).getRowCount();
                    if (left == 0) {
                        continue;
                    }
                    try (PageReadStore group = reader.readRowGroup(block)) {
                        RecordReader<Group> rows = columns.getRecordReader(new FilledGroup(group), new GroupRecordConverter(schema));
                        for (; left > 0; left--) {
                            Group row = rows.read();
                            number++;
                            Place place = new Place(file.toString(), Place.ROW, number);
                            long bytes = ParquetValues.bytes(row);
                            content += bytes;
                            Compression.checkGrowth(file, fileBytes, content);
                            sink.row(raw(place, row, bytes), Math.round((double) fileBytes * number / Math.max(all, number)));
                        }
                    }
                }
            }
        } catch (MetaapoException e) {
            throw e;
        } catch (IOException e) {
            throw FileFailures.reading(file, e);
        } catch (RuntimeException e) {
            throw new DataException(file + ": not readable as Parquet after row " + number + ": damaged there, or written in a way that is not read; fetch or write the file again", e);
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
        return new RawRow(place, bytes, () -> SparseStructs.withoutNulls(ParquetValues.json(row, place)));
    }

    /**
     * Pages with values. Writers may leave pages without any between them, as the format allows, and the column reader takes the
     * next value from the page that it is given.
     */
    private record FilledPages(PageReader pages) implements PageReader {
        @Override
        public DictionaryPage readDictionaryPage() {
            return pages.readDictionaryPage();
        }

        @Override
        public long getTotalValueCount() {
            return pages.getTotalValueCount();
        }

        @Override
        public DataPage readPage() {
            DataPage page = pages.readPage();
            while (page != null && page.getValueCount() == 0) {
                page = pages.readPage();
            }
            return page;
        }
    }

    /** A row group whose columns have {@link FilledPages}. */
    private record FilledGroup(PageReadStore group) implements PageReadStore {
        @Override
        public PageReader getPageReader(ColumnDescriptor column) {
            return new FilledPages(group.getPageReader(column));
        }

        @Override
        public long getRowCount() {
            return group.getRowCount();
        }
    }
}
