package org.metaapo.engine;

/**
 * What the loss says of each row; NaN where a value needs an online pair that the row has not.
 *
 * @param loss w·L(offline) + (1−w)·L(online), or L(offline)
 * @param lossOffline unweighted
 * @param lossOnline unweighted
 * @param scoreOffline the meta-learner's input, log σ(s·delta)
 * @param scoreOnline the same of the online pair
 * @param deltaOffline (l_w − r_w) − (l_l − r_l)
 * @param deltaOnline the same of the online pair
 * @param weight w, also of rows without an online pair
 * @param dsums (answers) gradient of scale·Σ loss by the log-prob sums, w held constant
 */
public record PairResults(
        double[] loss,
        double[] lossOffline,
        double[] lossOnline,
        double[] scoreOffline,
        double[] scoreOnline,
        double[] deltaOffline,
        double[] deltaOnline,
        double[] weight,
        double[] dsums) {}
