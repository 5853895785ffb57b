package org.metaapo.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;
import org.metaapo.error.DataException;

/** A row of Parquet as JSON: structs are objects, lists (in all layouts that writers use) are lists, maps are objects. */
final class ParquetValues {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private ParquetValues() {}

    /** About how many bytes a row takes: its texts, and a few for each value. */
    static long bytes(Group group) {
        long sum = 0;
        GroupType type = group.getType();
        for (int field = 0; field < type.getFieldCount(); field++) {
            int count = group.getFieldRepetitionCount(field);
            sum += 8 + 8L * count;
            Type of = type.getType(field);
            for (int i = 0; i < count; i++) {
                if (!of.isPrimitive()) {
                    sum += bytes(group.getGroup(field, i));
                } else if (isBytes(of.asPrimitiveType())) {
                    sum += group.getBinary(field, i).length();
                }
            }
        }
        return sum;
    }

    /**
     * The row.
     *
     * @throws DataException naming the row and the column if a text is not UTF-8
     */
    static JsonNode json(Group row, Place place) {
        return struct(row, place, "");
    }

    private static ObjectNode struct(Group group, Place place, String path) {
        ObjectNode node = NODES.objectNode();
        GroupType type = group.getType();
        for (int field = 0; field < type.getFieldCount(); field++) {
            Type of = type.getType(field);
            String name = path.isEmpty() ? of.getName() : path + "." + of.getName();
            int count = group.getFieldRepetitionCount(field);
            if (of.isRepetition(Type.Repetition.REPEATED)) {
                node.set(of.getName(), repeated(group, field, count, place, name));
            } else {
                node.set(of.getName(), count == 0 ? NODES.nullNode() : value(group, field, 0, place, name));
            }
        }
        return node;
    }

    private static ArrayNode repeated(Group group, int field, int count, Place place, String name) {
        ArrayNode list = NODES.arrayNode();
        for (int i = 0; i < count; i++) {
            list.add(value(group, field, i, place, name));
        }
        return list;
    }

    private static JsonNode value(Group group, int field, int index, Place place, String name) {
        Type of = group.getType().getType(field);
        if (of.isPrimitive()) {
            return primitive(group, field, index, place, name);
        }
        Group inner = group.getGroup(field, index);
        LogicalTypeAnnotation meaning = of.getLogicalTypeAnnotation();
        boolean wraps = inner.getType().getFieldCount() == 1 && inner.getType().getType(0).isRepetition(Type.Repetition.REPEATED);
        if (wraps && meaning instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation) {
            return list(inner, place, name);
        }
        if (wraps && (meaning instanceof LogicalTypeAnnotation.MapLogicalTypeAnnotation
                || meaning instanceof LogicalTypeAnnotation.MapKeyValueTypeAnnotation)) {
            return map(inner, place, name);
        }
        return struct(inner, place, name);
    }

    /** By the format's rules for old writers, the repeated field is itself the element unless it is a struct of one field. */
    private static ArrayNode list(Group group, Place place, String name) {
        Type repeated = group.getType().getType(0);
        int count = group.getFieldRepetitionCount(0);
        boolean isElement = repeated.isPrimitive()
                || repeated.asGroupType().getFieldCount() != 1
                || repeated.getName().equals("array")
                || repeated.getName().equals(group.getType().getName() + "_tuple");
        if (isElement) {
            return repeated(group, 0, count, place, name);
        }
        ArrayNode list = NODES.arrayNode();
        for (int i = 0; i < count; i++) {
            Group entry = group.getGroup(0, i);
            list.add(entry.getFieldRepetitionCount(0) == 0 ? NODES.nullNode() : value(entry, 0, 0, place, name));
        }
        return list;
    }

    private static ObjectNode map(Group group, Place place, String name) {
        ObjectNode node = NODES.objectNode();
        for (int i = 0; i < group.getFieldRepetitionCount(0); i++) {
            Group entry = group.getGroup(0, i);
            boolean isNull = entry.getType().getFieldCount() < 2 || entry.getFieldRepetitionCount(1) == 0;
            node.set(value(entry, 0, 0, place, name).asText(), isNull ? NODES.nullNode() : value(entry, 1, 0, place, name));
        }
        return node;
    }

    private static JsonNode primitive(Group group, int field, int index, Place place, String name) {
        PrimitiveType type = group.getType().getType(field).asPrimitiveType();
        LogicalTypeAnnotation meaning = type.getLogicalTypeAnnotation();
        if (meaning instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal) {
            return NODES.numberNode(new BigDecimal(unscaled(group, field, index, type), decimal.getScale()));
        }
        return switch (type.getPrimitiveTypeName()) {
            case BOOLEAN -> NODES.booleanNode(group.getBoolean(field, index));
            case FLOAT -> NODES.numberNode(group.getFloat(field, index));
            case DOUBLE -> NODES.numberNode(group.getDouble(field, index));
            // Dates and times, which no layout reads, stay texts, so that they are not taken for scores.
            case INT32, INT64 -> meaning == null || meaning instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation
                    ? integer(group, field, index, type)
                    : NODES.textNode(group.getValueToString(field, index));
            case BINARY -> meaning == null ? bytes(group, field, index) : text(group, field, index, place, name);
            case FIXED_LEN_BYTE_ARRAY, INT96 -> bytes(group, field, index);
        };
    }

    private static BigInteger unscaled(Group group, int field, int index, PrimitiveType type) {
        return switch (type.getPrimitiveTypeName()) {
            case INT32 -> BigInteger.valueOf(group.getInteger(field, index));
            case INT64 -> BigInteger.valueOf(group.getLong(field, index));
            default -> new BigInteger(group.getBinary(field, index).getBytes());
        };
    }

    private static JsonNode integer(Group group, int field, int index, PrimitiveType type) {
        return type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.INT32
                ? NODES.numberNode(group.getInteger(field, index))
                : NODES.numberNode(group.getLong(field, index));
    }

    private static JsonNode bytes(Group group, int field, int index) {
        return NODES.binaryNode(group.getBinary(field, index).getBytes());
    }

    private static JsonNode text(Group group, int field, int index, Place place, String name) {
        ByteBuffer bytes = group.getBinary(field, index).toByteBuffer();
        try {
            return NODES.textNode(StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
        } catch (CharacterCodingException e) {
            throw new DataException(place + ": " + name + ": not UTF-8 at byte " + (bytes.position() + 1), e);
        }
    }

    private static boolean isBytes(PrimitiveType type) {
        return switch (type.getPrimitiveTypeName()) {
            case BINARY, FIXED_LEN_BYTE_ARRAY, INT96 -> true;
            default -> false;
        };
    }
}
