package org.metaapo.evaluate.alpaca;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;
import org.metaapo.evaluate.CsvFile;
import org.metaapo.files.Digests;
import org.metaapo.files.StrictText;
import org.metaapo.statistics.LengthControl;

/**
 * AlpacaEval's {@code df_gamed.csv}: how the judge rates the baseline against itself where it was asked to be short or verbose, and the
 * difficulty of each instruction.
 *
 * @param rows of the models one after the other, each with the instructions in the official order
 * @param rowsOfModel rows that each model has
 * @param sha256 of the file
 */
public record Calibration(List<LengthControl.CalibrationRow> rows, int rowsOfModel, String sha256) {
    /** Of the official file, at revision {@link #REVISION}. */
    public static final String OFFICIAL_SHA256 = "97aeec3f1c7de6dee6fd31fe66f1702623f4614c3efe1c6fc5f4927cd5fd674d";
    /** Where the official file is. */
    public static final String REVISION = "df_gamed.csv of the dataset tatsu-lab/alpaca_eval at 2edc6fad8be6b14ea7230aabfd08188da6b8b814";

    /** Reads the file; a DataException names the line of what is wrong. */
    public static Calibration read(Path file) {
        String text = StrictText.read(file);
        CsvFile csv = CsvFile.parse(text, file.toString());
        csv.require("model", "preference", "std_delta_len", "instruction_difficulty", "not_gamed_baseline");
        List<LengthControl.CalibrationRow> rows = new ArrayList<>();
        List<String> models = new ArrayList<>();
        List<Integer> starts = new ArrayList<>();
        for (int i = 0; i < csv.size(); i++) {
            String model = csv.text(i, "model");
            if (models.isEmpty() || !models.get(models.size() - 1).equals(model)) {
                if (models.contains(model)) {
                    throw new DataException(csv.where(i) + ": model " + model + " again; expected the rows of each model together");
                }
                models.add(model);
                starts.add(i);
            }
            String baseline = csv.text(i, "not_gamed_baseline");
            if (!baseline.equalsIgnoreCase("false")) {
                throw new DataException(csv.where(i) + ": not_gamed_baseline is " + baseline + "; expected False, as in " + REVISION);
            }
            double preference = csv.number(i, "preference");
            if (preference < 0 || preference > 1) {
                throw new DataException(csv.where(i) + ": preference is " + preference + "; expected 0 to 1");
            }
            rows.add(new LengthControl.CalibrationRow(preference, csv.number(i, "std_delta_len"), csv.number(i, "instruction_difficulty")));
        }
        starts.add(rows.size());
        int size = starts.get(1);
        for (int m = 1; m < models.size(); m++) {
            int found = starts.get(m + 1) - starts.get(m);
            if (found != size) {
                throw new DataException(file + ": model " + models.get(m) + " has " + found + " rows, model " + models.get(0) + " " + size + "; expected equally many");
            }
        }
        return new Calibration(List.copyOf(rows), size, Digests.sha256(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Whether it is the official file. */
    public boolean isOfficial() {
        return sha256.equals(OFFICIAL_SHA256);
    }

    /** Difficulty of the instruction at a position of the official order. */
    public double difficulty(int position) {
        return rows.get(position).difficulty();
    }
}
