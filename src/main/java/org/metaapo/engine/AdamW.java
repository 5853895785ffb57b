package org.metaapo.engine;

import org.metaapo.engine.internal.apo_adamw;

/**
 * One step of AdamW (arXiv 1711.05101), on every tensor alike.
 *
 * @param learningRate of this step
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param eps added to the root of the second moment
 * @param weightDecay decoupled decay
 * @param clip largest global gradient norm; 0 for none
 * @param step number of the step, from 1
 */
public record AdamW(
        double learningRate, double beta1, double beta2, double eps, double weightDecay, double clip, long step) {
    apo_adamw toNative() {
        return new apo_adamw()
                .learning_rate(learningRate)
                .beta1(beta1)
                .beta2(beta2)
                .eps(eps)
                .weight_decay(weightDecay)
                .clip(clip)
                .step(step);
    }
}
