package org.metaapo.data;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalInputFile;
import org.metaapo.error.DataException;
import org.metaapo.files.StandardInput;

/**
 * Looks at the headers of all pages before any is read: the reader takes their sizes on trust, holds a row group as it lies in the
 * file, and one page of each column decompressed.
 */
final class ParquetPages {
    /** What can be decompressed; for the others a library would be missing while rows are read. */
    private static final Set<CompressionCodecName> CODECS = EnumSet.of(
            CompressionCodecName.UNCOMPRESSED,
            CompressionCodecName.SNAPPY,
            CompressionCodecName.GZIP,
            CompressionCodecName.ZSTD,
            CompressionCodecName.LZ4_RAW);

    private ParquetPages() {}

    /**
     * Checks a file.
     *
     * @return the number of rows
     * @throws DataException naming row group and column of what is damaged, or too large for this process
     */
    static long check(Path file) throws IOException {
        long memory = Runtime.getRuntime().maxMemory();
        try (FileChannel channel = FileChannel.open(StandardInput.file(file))) {
            ParquetHeaders.checkFooter(channel, file);
            return check(file, channel, memory);
        }
    }

    /** Opens a file, without Hadoop's configuration. */
    static ParquetFileReader open(Path file) throws IOException {
        return ParquetFileReader.open(new LocalInputFile(StandardInput.file(file)), ParquetReadOptions.builder(new PlainParquetConfiguration()).build());
    }

    private static long check(Path file, FileChannel channel, long memory) throws IOException {
        try (ParquetFileReader reader = open(file)) {
            long content = 0;
            int number = 0;
            for (BlockMetaData group : reader.getRowGroups()) {
                number++;
                if (group.getRowCount() == 0) {
                    // An empty shard's columns lie nowhere.
                    continue;
                }
                long held = 0;
                for (ColumnChunkMetaData column : group.getColumns()) {
                    String where = file + ", row group " + number + ", column " + column.getPath().toDotString();
                    if (!CODECS.contains(column.getCodec())) {
                        throw new DataException(where + ": compressed with " + column.getCodec() + "; expected one of " + CODECS
                                + "; write the file again with one of these");
                    }
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
            PageHeader header = ParquetHeaders.page(in, end - at, where);
            int unpacked = header.getUncompressed_page_size();
            int packed = header.getCompressed_page_size();
            if (unpacked < 0 || packed < 0 || at + in.count() + packed > end) {
                throw new DataException(where + ": not readable as Parquet: a page header with sizes that cannot be");
            }
            if (header.isSetDictionary_page_header() && header.getDictionary_page_header().getNum_values() > unpacked) {
                throw new DataException(where + ": not readable as Parquet: a dictionary of more values than bytes");
            }
            largest = Math.max(largest, unpacked);
            all += unpacked;
            at += in.count() + packed;
        }
        return new Sizes(largest, all);
    }
}
