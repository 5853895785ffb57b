package org.metaapo.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.io.LocalInputFile;
import org.metaapo.error.DataException;

/**
 * Looks at the headers of all pages before any is read: the reader takes their sizes on trust, holds a row group as it lies in the
 * file, and one page of each column decompressed.
 */
final class ParquetPages {
    private ParquetPages() {}

    /**
     * Checks a file.
     *
     * @return the number of rows
     * @throws DataException naming row group and column of what is damaged, or too large for this process
     */
    static long check(Path file) throws IOException {
        long memory = Runtime.getRuntime().maxMemory();
        try (ParquetFileReader reader = ParquetFileReader.open(
                        new LocalInputFile(file), ParquetReadOptions.builder(new PlainParquetConfiguration()).build());
                FileChannel channel = FileChannel.open(file)) {
            long content = 0;
            int number = 0;
            for (BlockMetaData group : reader.getRowGroups()) {
                number++;
                long held = 0;
                for (ColumnChunkMetaData column : group.getColumns()) {
                    String where = file + ", row group " + number + ", column " + column.getPath().toDotString();
                    Sizes sizes = sizes(channel, column, where);
                    held += column.getTotalSize() + sizes.largest();
                    content += sizes.all();
                    Compression.checkGrowth(file, channel.size(), content);
                }
                if (held > memory / 2) {
                    throw new DataException(String.format(Locale.ROOT, "%s, row group %d: takes %d MiB while it is read, half of the "
                            + "heap is %d MiB; write the file with smaller row groups, or give more heap",
                            file, number, held >> 20, memory >> 21));
                }
            }
            return reader.getRecordCount();
        }
    }

    /** Decompressed bytes of a column's pages: the largest one's, and all together. */
    private record Sizes(long largest, long all) {}

    private static Sizes sizes(FileChannel channel, ColumnChunkMetaData column, String where) throws IOException {
        long at = column.getStartingPos();
        long end = at + column.getTotalSize();
        if (at < 4 || column.getTotalSize() < 0 || end > channel.size()) {
            throw new DataException(where + ": not readable as Parquet: it lies outside of the file");
        }
        long largest = 0;
        long all = 0;
        while (at < end) {
            channel.position(at);
            Compression.Counted in = new Compression.Counted(new BufferedInputStream(Channels.newInputStream(channel), 512));
            PageHeader header = header(in, where);
            int unpacked = header.getUncompressed_page_size();
            int packed = header.getCompressed_page_size();
            if (unpacked < 0 || packed < 0 || at + in.count() + packed > end) {
                throw new DataException(where + ": not readable as Parquet: a page header with sizes that cannot be");
            }
            largest = Math.max(largest, unpacked);
            all += unpacked;
            at += in.count() + packed;
        }
        return new Sizes(largest, all);
    }

    private static PageHeader header(InputStream in, String where) throws IOException {
        try {
            return Util.readPageHeader(in);
        } catch (IOException | RuntimeException e) {
            throw new DataException(where + ": not readable as Parquet: " + firstLine(e), e);
        }
    }

    static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
