package org.metaapo.ranks;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** How what one rank has made goes to the others. */
public interface Codec<T> {
    /** A few numbers. */
    Codec<double[]> NUMBERS = new Codec<>() {
        @Override
        public void write(double[] numbers, DataOutput out) throws IOException {
            out.writeInt(numbers.length);
            for (double number : numbers) {
                out.writeDouble(number);
            }
        }

        @Override
        public double[] read(DataInput in) throws IOException {
            double[] numbers = new double[in.readInt()];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = in.readDouble();
            }
            return numbers;
        }
    };

    /** A text. */
    Codec<String> TEXT = new Codec<>() {
        @Override
        public void write(String text, DataOutput out) throws IOException {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            out.writeInt(bytes.length);
            out.write(bytes);
        }

        @Override
        public String read(DataInput in) throws IOException {
            byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }
    };

    /** Puts a value down. */
    void write(T value, DataOutput out) throws IOException;

    /** Takes up a value that {@link #write} put down. */
    T read(DataInput in) throws IOException;
}
