package org.metaapo.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EpochPlanTest {
    private final EpochPlan plan = new EpochPlan(8, 5, 2);

    @Test
    void slicesAndStepsCoverTheRows() {
        assertThat(plan.slices()).isEqualTo(2);
        assertThat(plan.from(1)).isEqualTo(5);
        assertThat(plan.rowsOf(0)).isEqualTo(5);
        assertThat(plan.rowsOf(1)).isEqualTo(3);
        // 2 + 2 + 1, and 2 + 1.
        assertThat(plan.steps()).isEqualTo(5);
    }

    @Test
    void theEpochGrowsWithTheStepsAndIsWholeWhereTheEpochEnds() {
        assertThat(plan.position(0, 0, 1, 3)).isEqualTo(1.0 / 5);
        assertThat(plan.position(0, 0, 3, 3)).isEqualTo(3.0 / 5);
        assertThat(plan.position(0, 1, 2, 2)).isEqualTo(1);
        assertThat(plan.position(2, 1, 1, 2)).isEqualTo(2 + 4.0 / 5);
    }

    @Test
    void aSliceOfWhichRowsAreLeftOutIsOverAllTheSame() {
        assertThat(plan.position(0, 0, 1, 1)).isEqualTo(3.0 / 5);
        assertThat(plan.position(1, 1, 0, 0)).isEqualTo(2);
    }
}
