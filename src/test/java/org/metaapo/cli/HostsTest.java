package org.metaapo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.metaapo.error.UsageException;

/** Files of machines for mpirun. */
class HostsTest {
    @TempDir
    private Path folder;

    private Hosts read(String text) throws IOException {
        return Hosts.read(Files.writeString(folder.resolve("hosts"), text));
    }

    @Test
    void slotsOfAllMachinesCount() throws Exception {
        Hosts hosts = read("# two boxes\nnode1 slots=8\n\n  node2   slots = 4 max_slots=4 # half of it\nnode1 slots=1\n");
        assertThat(hosts.machines()).containsExactly(Map.entry("node1", 9), Map.entry("node2", 4));
        assertThat(hosts.slots()).isEqualTo(13);
    }

    @Test
    void aLineThatIsNoneIsNamed() {
        for (String line : new String[] {"node1", "node1 8", "node1 slots=0", "node1 slots=eight", "node1 slots=8 gpus=8"}) {
            assertThatThrownBy(() -> read("node0 slots=8\n" + line)).isInstanceOf(UsageException.class).hasMessageContaining("line 2 is \"" + line + "\"; expected NAME slots=N");
        }
        assertThatThrownBy(() -> read("# none\n")).isInstanceOf(UsageException.class).hasMessageContaining("names no host");
    }

    /** As the command would see it here, but for what is of this machine. */
    @Test
    void otherMachinesGetTheEnvironment() throws Exception {
        Map<String, String> environment = Map.of("REWARD_TOKEN", "x", "NCCL_DEBUG", "INFO", "PATH", "/bin", "TMPDIR", "/tmp", "OMPI_MCA_btl", "tcp",
                "HOSTNAME", "here", "BASH_FUNC_f%%", "()", "SLURM_JOB_ID", "3");
        assertThat(read("node1 slots=1").shared(environment)).containsExactlyInAnyOrder("REWARD_TOKEN", "NCCL_DEBUG", "PATH");
    }
}
