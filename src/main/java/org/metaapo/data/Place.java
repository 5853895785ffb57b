package org.metaapo.data;

/**
 * Where a row lies: shown as {@code pairs.jsonl:12}, {@code pairs.json, element 12} or {@code pairs.parquet, row 12}.
 *
 * @param file the file's path as given
 * @param separator between file and number
 * @param number from 1
 */
record Place(String file, String separator, long number) {
    static final String LINE = ":";
    static final String ELEMENT = ", element ";
    static final String ROW = ", row ";

    @Override
    public String toString() {
        return file + separator + number;
    }
}
