package org.metaapo.evaluate;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;

/** A table in CSV (RFC 4180) with a line of names, and cells of CSV. */
public final class CsvFile {
    private final String where;
    private final List<String> names;
    private final List<List<String>> rows;
    private final List<Integer> lines;

    private CsvFile(String where, List<List<String>> records, List<Integer> lines) {
        this.where = where;
        this.names = records.get(0);
        this.rows = records.subList(1, records.size());
        this.lines = lines.subList(1, lines.size());
    }

    /**
     * Reads a table.
     *
     * @param where its name, for messages
     * @throws DataException if it has no row, or one with more or fewer cells than names
     */
    public static CsvFile parse(String text, String where) {
        List<List<String>> records = new ArrayList<>();
        List<Integer> lines = new ArrayList<>();
        List<String> record = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean isQuoted = false;
        int line = 1;
        int start = 1;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            line += c == '\n' ? 1 : 0;
            if (isQuoted) {
                if (c != '"') {
                    cell.append(c);
                } else if (i + 1 < text.length() && text.charAt(i + 1) == '"') {
                    cell.append('"');
                    i++;
                } else {
                    isQuoted = false;
                }
            } else if (c == '"') {
                isQuoted = true;
            } else if (c == ',') {
                record.add(cell.toString());
                cell.setLength(0);
            } else if (c == '\n') {
                end(records, lines, record, cell, start);
                record = new ArrayList<>();
                start = line;
            } else if (c != '\r') {
                cell.append(c);
            }
        }
        if (isQuoted) {
            throw new DataException(where + ", line " + start + ": a quoted cell has no end");
        }
        end(records, lines, record, cell, start);
        if (records.size() < 2) {
            throw new DataException(where + ": " + (records.isEmpty() ? "empty" : "no rows") + "; expected a line of names and rows");
        }
        for (int i = 1; i < records.size(); i++) {
            if (records.get(i).size() != records.get(0).size()) {
                throw new DataException(where + ", line " + lines.get(i) + ": " + records.get(i).size() + " cells; expected " + records.get(0).size());
            }
        }
        return new CsvFile(where, records, lines);
    }

    private static void end(List<List<String>> records, List<Integer> lines, List<String> record, StringBuilder cell, int line) {
        if (record.isEmpty() && cell.length() == 0) {
            return;
        }
        record.add(cell.toString());
        cell.setLength(0);
        records.add(record);
        lines.add(line);
    }

    /** A DataException where a column is missing. */
    public void require(String... columns) {
        for (String column : columns) {
            if (!names.contains(column)) {
                throw new DataException(where + ", line 1: no column " + column + "; found " + String.join(", ", names));
            }
        }
    }

    public int size() {
        return rows.size();
    }

    /** Names the line of a row. */
    public String where(int row) {
        return where + ", line " + lines.get(row);
    }

    public String text(int row, String column) {
        return rows.get(row).get(names.indexOf(column));
    }

    /** A finite number. */
    public double number(int row, String column) {
        String text = text(row, column);
        double value;
        try {
            value = Double.parseDouble(text);
        } catch (NumberFormatException e) {
            value = Double.NaN;
        }
        if (!Double.isFinite(value)) {
            throw new DataException(where(row) + ": " + column + " is \"" + text + "\"; expected a number");
        }
        return value;
    }

    /** A text as a cell. */
    public static String cell(String text) {
        return text.matches("[^\",\r\n]*") ? text : "\"" + text.replace("\"", "\"\"") + "\"";
    }
}
