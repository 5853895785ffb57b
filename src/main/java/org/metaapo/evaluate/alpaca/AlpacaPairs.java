package org.metaapo.evaluate.alpaca;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.error.DataException;

/**
 * The baseline's and the model's answers to the same instructions.
 *
 * @param baseline in the official order
 * @param model to the same instructions
 */
public record AlpacaPairs(List<ModelOutput> baseline, List<ModelOutput> model) {
    /**
     * Brings answers together by their instructions.
     *
     * @param most instructions, the first ones, that are looked at
     * @param allowPartial whether some may have no answer
     * @throws DataException that lists instructions which are unknown, too many or without an answer
     */
    public static AlpacaPairs of(List<ModelOutput> reference, List<ModelOutput> answers, int most, boolean allowPartial) {
        int[] places = new ReferenceOrder(reference).places(answers, ModelOutput::instruction, answers.get(0).where().replaceFirst(", row.*", ""));
        ModelOutput[] found = new ModelOutput[reference.size()];
        for (int i = 0; i < places.length; i++) {
            found[places[i]] = answers.get(i);
        }
        List<ModelOutput> baseline = new ArrayList<>();
        List<ModelOutput> model = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (int i = 0; i < Math.min(most, found.length); i++) {
            if (found[i] == null) {
                missing.add(reference.get(i).instruction());
            } else {
                baseline.add(reference.get(i));
                model.add(found[i]);
            }
        }
        if (!missing.isEmpty() && !allowPartial) {
            throw new DataException(answers.get(0).generator() + ": " + missing.size() + " of " + Math.min(most, found.length) + " instructions have no answer: "
                    + ReferenceOrder.listed(missing) + "; expected all, or --allow-partial");
        }
        if (model.isEmpty()) {
            throw new DataException(answers.get(0).generator() + ": no answer to the first " + most + " instructions of the reference");
        }
        return new AlpacaPairs(baseline, model);
    }
}
