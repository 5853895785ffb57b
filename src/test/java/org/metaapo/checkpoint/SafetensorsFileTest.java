package org.metaapo.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.metaapo.error.DataException;
import org.metaapo.error.RunFailedException;
import org.metaapo.files.Fixtures;

class SafetensorsFileTest {
    @TempDir
    private Path temp;

    @Test
    void readsTheTensorsOfAFileWrittenByTheFormatsOwnLibrary() {
        try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("tiny-llama/model.safetensors"))) {
            TensorInfo norm = file.tensors().get("model.norm.weight");
            assertThat(norm.dtype()).isEqualTo(Dtype.F32);
            assertThat(norm.shape()).containsExactly(64);
            assertThat(file.metadata()).containsEntry("format", "pt");
            assertThat(file.tensors()).hasSize(30);
            assertThat(file.tensors().get("lm_head.weight").shape()).containsExactly(485, 64);
        }
    }

    @Test
    void mapAndReadGiveTheSameBytes() {
        try (SafetensorsFile file = SafetensorsFile.open(Fixtures.path("tiny-llama/model.safetensors"))) {
            for (TensorInfo tensor : file.tensors().values()) {
                ByteBuffer mapped = file.map(tensor.name());
                ByteBuffer read = ByteBuffer.allocate((int) tensor.bytes() + 7);
                assertThat(file.read(tensor.name(), 0, read)).isEqualTo(tensor.bytes());
                assertThat(read.flip()).isEqualTo(mapped);
                assertThat(mapped.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
                assertThat(mapped.isReadOnly()).isTrue();
            }
        }
    }

    @Test
    void readsAPartAndRefusesAnOffsetOutside() {
        Path path = write("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", new byte[] {1, 2, 3, 4});
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            ByteBuffer two = ByteBuffer.allocate(2);
            assertThat(file.read("a", 1, two)).isEqualTo(2);
            assertThat(two.array()).containsExactly(2, 3);
            assertThat(file.read("a", 4, ByteBuffer.allocate(1))).isZero();
            assertThatThrownBy(() -> file.read("a", 5, ByteBuffer.allocate(1)))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> file.map("b")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void useAfterCloseIsAnIllegalState() {
        SafetensorsFile file = SafetensorsFile.open(Fixtures.path("tiny-llama/model.safetensors"));
        file.close();
        file.close();
        assertThatThrownBy(() -> file.map("lm_head.weight")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> file.read("lm_head.weight", 0, ByteBuffer.allocate(1)))
                .isInstanceOf(IllegalStateException.class);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}|8|needs 12 bytes
            {"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}|8|dtype 'F33' is not known
            {"a":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}}|8|dtype 'f32' is not known
            {"a":{"dtype":3,"shape":[2],"data_offsets":[0,8]}}|8|a.dtype: expected text
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}|9|1 trailing bytes
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}|7|expected [begin, end] within the 7 data bytes
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}|12|leaves a hole
            {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}|12|tensor b leaves a hole after tensor a
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}|12|tensor b overlaps tensor a
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}|8|overlaps
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}|16|key a is given twice
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"\\u0061":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}|16|key a is given twice
            {"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}|8|key dtype is given twice
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}|8|expected [begin, end]
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}|8|expected [begin, end]
            {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}|8|out of range
            {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}|8|expected a list of integers
            {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}|8|exceeds 2^63-1 bytes
            {"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}|16|exceeds 2^63-1 bytes
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}|8|out of range
            {"a":{"dtype":"F32","shape":[2]}}|8|'data_offsets' is missing
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"stride":1}}|8|unknown key 'stride'
            {"a":[]}|0|a: expected an object
            {"__metadata__":{"x":1}}|0|__metadata__.x: expected text
            []|0|must start with '{'
            {}{}|0|content after
            {"a":|0|not valid JSON
            """)
    void refusesAWrongHeader(String header, int dataBytes, String fault) {
        Path path = write(header, new byte[dataBytes]);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(path.toString())
                .hasMessageContaining(fault);
    }

    @Test
    void acceptsKeysInAnotherOrderThanTheDataAndEmptyTensors() {
        Path path = write(
                "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]},"
                        + "\"empty\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[2,2]},"
                        + "\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]}}   ",
                new byte[] {1, 2, 3, 4});
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors().keySet()).containsExactly("a", "empty", "b");
            assertThat(file.tensors().get("a").elements()).isEqualTo(1);
            assertThat(file.map("empty").remaining()).isZero();
            assertThat(file.map("b").get(0)).isEqualTo((byte) 3);
        }
    }

    @Test
    void refusesALyingHeaderLength() throws IOException {
        for (long length : new long[] {-1, Long.MIN_VALUE, 1L << 40, 100_000_001, 60_000_000, 3}) {
            Path path = temp.resolve("lying-" + length);
            ByteBuffer bytes = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
            Files.write(path, bytes.put((byte) '{').put((byte) '}').array());
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("header length");
        }
    }

    @Test
    void refusesEveryTruncation() throws IOException {
        byte[] whole = Files.readAllBytes(write(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", new byte[8]));
        for (int length = 0; length < whole.length; length++) {
            Path path = temp.resolve("truncated");
            Files.write(path, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> SafetensorsFile.open(path)).isInstanceOf(DataException.class);
        }
    }

    @Test
    void refusesAMissingFileAFolderAndBrokenUtf8() throws IOException {
        assertThatThrownBy(() -> SafetensorsFile.open(temp.resolve("none")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such file");
        assertThatThrownBy(() -> SafetensorsFile.open(temp)).isInstanceOf(DataException.class);
        byte[] header = "{\"a?\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}".getBytes(StandardCharsets.UTF_8);
        header[3] = (byte) 0xff;
        Path path = temp.resolve("latin1");
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(path, bytes.putLong(header.length).put(header).array());
        assertThatThrownBy(() -> SafetensorsFile.open(path)).hasMessageContaining("not UTF-8");
    }

    @Test
    void aMutatedHeaderIsReadOrRefusedButNeverCrashes() throws IOException {
        Random random = new Random(17);
        byte[] whole = Files.readAllBytes(write(
                "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[8,14]}}",
                new byte[14]));
        byte[] alphabet = "{}[]\":,0123456789-eE.\\u \nabF".getBytes(StandardCharsets.US_ASCII);
        int refused = 0;
        for (int round = 0; round < 4000; round++) {
            byte[] mutant = whole.clone();
            for (int change = random.nextInt(4); change >= 0; change--) {
                int at = random.nextInt(mutant.length);
                mutant[at] = random.nextInt(4) == 0
                        ? (byte) random.nextInt()
                        : alphabet[random.nextInt(alphabet.length)];
            }
            Path path = temp.resolve("mutant");
            Files.write(path, mutant);
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                file.tensors().keySet().forEach(file::map);
            } catch (DataException expected) {
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(2000);
    }

    @Test
    void whatIsWrittenIsReadBackInEveryDtype() {
        Random random = new Random(5);
        List<TensorSpec> tensors = Arrays.stream(Dtype.values())
                .map(dtype -> new TensorSpec("tensor \"é\" " + dtype, dtype, new long[] {random.nextInt(5), 3}))
                .toList();
        Path path = temp.resolve("deep/all.safetensors");
        SafetensorsWriter.write(path, tensors, Map.of("format", "pt"), (tensor, offset, chunk) -> {
            for (int i = 0; i < chunk.limit(); i++) {
                chunk.put(i, value(tensor, offset + i));
            }
        });
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors()).hasSize(tensors.size());
            assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
            for (TensorSpec tensor : tensors) {
                TensorInfo found = file.tensors().get(tensor.name());
                assertThat(found.dtype()).isEqualTo(tensor.dtype());
                assertThat(found.shape()).isEqualTo(tensor.shape());
                assertThat(found.offset() % tensor.dtype().bytes()).isZero();
                ByteBuffer data = file.map(tensor.name());
                for (int i = 0; i < data.limit(); i++) {
                    assertThat(data.get(i)).isEqualTo(value(tensor, i));
                }
            }
        }
    }

    @Test
    void aTensorLargerThanAChunkIsWrittenWholly() {
        TensorSpec tensor = new TensorSpec("big", Dtype.F32, new long[] {3, 1 << 20});
        Path path = temp.resolve("big.safetensors");
        SafetensorsWriter.write(path, List.of(tensor), Map.of(), (spec, offset, chunk) -> {
            for (int i = 0; i < chunk.limit() / 4; i++) {
                chunk.putFloat(4 * i, offset / 4 + i);
            }
        });
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            ByteBuffer data = file.map("big");
            for (int i = 0; i < tensor.elements(); i += 997) {
                assertThat(data.getFloat(4 * i)).isEqualTo(i);
            }
        }
    }

    @Test
    void aFailingSourceLeavesTheOldFileAndNothingElse() throws IOException {
        Path path = temp.resolve("weights.safetensors");
        List<TensorSpec> tensors = List.of(new TensorSpec("a", Dtype.U8, new long[] {4}));
        SafetensorsWriter.write(path, tensors, Map.of(), (tensor, offset, chunk) -> {});
        byte[] before = Files.readAllBytes(path);
        assertThatThrownBy(() -> SafetensorsWriter.write(path, tensors, Map.of(), (tensor, offset, chunk) -> {
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(RunFailedException.class)
                .hasMessageContaining("disk full")
                .hasMessageContaining("needed");
        assertThat(Files.readAllBytes(path)).isEqualTo(before);
        try (var entries = Files.list(temp)) {
            assertThat(entries).containsExactly(path);
        }
    }

    @Test
    void twoTensorsOfOneNameAreRefused() {
        TensorSpec tensor = new TensorSpec("a", Dtype.U8, new long[] {4});
        assertThatThrownBy(() -> SafetensorsWriter.write(
                        temp.resolve("x"), List.of(tensor, tensor), Map.of(), (spec, offset, chunk) -> {}))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static byte value(TensorSpec tensor, long at) {
        return (byte) (31 * at + tensor.dtype().ordinal());
    }

    private Path write(String header, byte[] data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(json.length).put(json).put(data);
        try {
            return Files.write(temp.resolve("file.safetensors"), bytes.array());
        } catch (IOException failure) {
            throw new IllegalStateException(failure);
        }
    }
}
