package org.metaapo.evaluate.arena;

import java.util.List;
import org.metaapo.evaluate.style.StyleFeature;

/**
 * What of Arena-Hard is asked for.
 *
 * @param version of the verdicts and the score
 * @param features what is controlled for; none for no style control
 * @param solver of v2.0's style control
 * @param resamples of the intervals
 * @param categories those that are scored; empty for all
 * @param allowPartial whether some questions may lack verdicts
 */
public record ArenaOptions(
        ArenaVersion version, List<StyleFeature> features, ArenaSolver solver, Resamples resamples, List<String> categories, boolean allowPartial) {}
