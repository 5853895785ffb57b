package org.metaapo.data;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.PageHeader;
import org.metaapo.error.DataException;
import shaded.parquet.org.apache.thrift.TBase;
import shaded.parquet.org.apache.thrift.TConfiguration;
import shaded.parquet.org.apache.thrift.TException;
import shaded.parquet.org.apache.thrift.protocol.TCompactProtocol;
import shaded.parquet.org.apache.thrift.transport.TIOStreamTransport;

/**
 * Reads Parquet's headers before its reader does. That one makes room for whatever length a text or a list claims to have; here
 * none may be longer than the bytes that there are.
 */
final class ParquetHeaders {
    /** The length of the footer, and the magic number behind it. */
    private static final int TAIL = 8;

    private ParquetHeaders() {}

    /**
     * Checks the footer; one that is cut short is left to the reader.
     *
     * @throws DataException if it cannot be read
     */
    static void checkFooter(FileChannel channel, Path file) throws IOException {
        if (channel.size() < 4 + TAIL) {
            return;
        }
        long end = channel.size() - TAIL;
        long length = bytes(channel, end, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
        if (length >= 0 && length <= end - 4) {
            read(new FileMetaData(), new ByteArrayInputStream(bytes(channel, end - length, (int) length).array()), length, file.toString());
        }
    }

    /**
     * Reads the header of a page.
     *
     * @param most bytes from here to the column's end
     * @param where file, row group and column, for messages
     */
    static PageHeader page(InputStream in, long most, String where) {
        PageHeader header = new PageHeader();
        read(header, in, most, where);
        return header;
    }

    private static void read(TBase<?, ?> header, InputStream in, long most, String where) {
        try {
            TConfiguration limits = TConfiguration.custom().setMaxMessageSize((int) Math.min(most, Integer.MAX_VALUE)).build();
            header.read(new TCompactProtocol(new TIOStreamTransport(limits, in)));
        } catch (TException | RuntimeException e) {
            throw new DataException(where + ": not readable as Parquet: damaged there, or written in a way that is not read; fetch or write the file again", e);
        }
    }

    private static ByteBuffer bytes(FileChannel channel, long at, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        while (bytes.hasRemaining() && channel.read(bytes, at + bytes.position()) >= 0) {
            // Reads go on until all is there, or the file has become shorter meanwhile.
        }
        return bytes.flip();
    }
}
