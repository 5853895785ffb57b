package org.metaapo.ranks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.metaapo.engine.DeviceSpec;
import org.metaapo.error.UsageException;

/** What launchers tell in the environment, and what of a machine is a rank's. */
class LauncherTest {
    @Test
    void aProcessByItselfHasNone() {
        assertThat(Launcher.of(Map.of())).isNull();
        assertThat(Launcher.isFirst(Map.of())).isTrue();
        // A batch script's own variables: its tasks are started by what it runs.
        assertThat(Launcher.of(Map.of("SLURM_JOB_ID", "7", "SLURM_NTASKS", "8", "SLURM_PROCID", "0"))).isNull();
        // One process of srun or of another MPI needs nobody.
        assertThat(Launcher.of(Map.of("SLURM_STEP_NUM_TASKS", "1", "SLURM_PROCID", "0"))).isNull();
        assertThat(Launcher.of(Map.of("PMI_SIZE", "1", "PMI_RANK", "0"))).isNull();
    }

    @Test
    void mpirunAndSrunSayWhichProcessThisIs() {
        Map<String, String> mpirun = Map.of("OMPI_COMM_WORLD_RANK", "2", "OMPI_COMM_WORLD_SIZE", "4", "PMIX_RANK", "2", "SLURM_STEP_NUM_TASKS", "1");
        assertThat(Launcher.of(mpirun)).isEqualTo(new Launcher("mpirun", 2, 4));
        assertThat(Launcher.isFirst(mpirun)).isFalse();
        Map<String, String> srun = Map.of("PMIX_RANK", "0", "SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "16");
        assertThat(Launcher.of(srun)).isEqualTo(new Launcher("srun", 0, 16));
        assertThat(Launcher.isFirst(srun)).isTrue();
    }

    @Test
    void processesThatCannotFindEachOtherAreRefused() {
        assertThatThrownBy(() -> Launcher.of(Map.of("SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "1")))
                .isInstanceOf(UsageException.class).hasMessageContaining("srun --mpi=pmix");
        assertThatThrownBy(() -> Launcher.of(Map.of("PMI_SIZE", "4", "PMI_RANK", "1")))
                .isInstanceOf(UsageException.class).hasMessageContaining("another MPI");
        assertThatThrownBy(() -> Launcher.of(Map.of("OMPI_COMM_WORLD_SIZE", "many", "OMPI_COMM_WORLD_RANK", "0")))
                .isInstanceOf(UsageException.class).hasMessageContaining("OMPI_COMM_WORLD_SIZE is many");
    }

    @Test
    void ranksOfOneMachineShareItsCores() {
        int cores = Runtime.getRuntime().availableProcessors();
        for (int size : new int[] {1, 2, 3}) {
            List<int[]> threads = ThreadRanks.run(size, ranks -> {
                RankPlace place = RankPlace.of(ranks);
                assertThat(place.device(DeviceSpec.CPU)).isEqualTo(DeviceSpec.CPU);
                return new int[] {place.threads(0), place.threads(5)};
            });
            // 0 is the engine's word for all cores.
            assertThat(threads).hasSize(size).allSatisfy(of -> assertThat(of).containsExactly(size == 1 ? 0 : Math.max(1, cores / size), 5));
        }
    }
}
