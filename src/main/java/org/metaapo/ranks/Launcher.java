package org.metaapo.ranks;

import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.metaapo.engine.Engine;
import org.metaapo.engine.RankGroup;
import org.metaapo.error.UsageException;

/**
 * What started this process as one of several, as it tells in the environment: Open MPI's mpirun, or Slurm's srun with PMIx.
 *
 * @param name of the launcher
 * @param rank of this process
 * @param size how many processes it started
 */
public record Launcher(String name, int rank, int size) {
    /**
     * The launcher of this process; null where it was started by itself.
     *
     * @throws UsageException if one has started several that could not find each other
     */
    public static Launcher of(Map<String, String> environment) {
        if (environment.containsKey("OMPI_COMM_WORLD_SIZE")) {
            return new Launcher("mpirun", number(environment, "OMPI_COMM_WORLD_RANK"), number(environment, "OMPI_COMM_WORLD_SIZE"));
        }
        // A batch script of Slurm's has the number of its tasks too, and is none of them; a step has its own.
        boolean isStep = environment.containsKey("SLURM_STEP_NUM_TASKS");
        if (isStep && environment.containsKey("PMIX_RANK")) {
            return new Launcher("srun", number(environment, "PMIX_RANK"), number(environment, "SLURM_STEP_NUM_TASKS"));
        }
        if (isStep && number(environment, "SLURM_STEP_NUM_TASKS") > 1) {
            throw new UsageException("srun has started " + environment.get("SLURM_STEP_NUM_TASKS") + " processes that cannot find each other; give srun --mpi=pmix");
        }
        if (environment.containsKey("PMI_SIZE") && number(environment, "PMI_SIZE") > 1) {
            throw new UsageException("the launcher of another MPI has started " + environment.get("PMI_SIZE")
                    + " processes that cannot find each other; use Open MPI's mpirun, or --ranks, which does");
        }
        return null;
    }

    /** Whether this process speaks for all that its launcher has started, or was started by none. */
    public static boolean isFirst(Map<String, String> environment) {
        return Stream.of("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID").map(environment::get).filter(Objects::nonNull)
                .findFirst().orElse("0").equals("0");
    }

    private static int number(Map<String, String> environment, String name) {
        try {
            return Integer.parseInt(environment.getOrDefault(name, "not set"));
        } catch (NumberFormatException e) {
            throw new UsageException(name + " is " + environment.getOrDefault(name, "not set") + " in the environment; expected a whole number, as launchers set it", e);
        }
    }

    /**
     * Joins the processes that it started; every one of them does, once.
     *
     * @throws org.metaapo.error.DeviceException if there is no MPI, or it is not this launcher's
     */
    public Ranks join() {
        return size == 1 ? Ranks.single() : Ranks.of(RankGroup.ofProcesses(size, Engine.gpus().count() > 0));
    }
}
