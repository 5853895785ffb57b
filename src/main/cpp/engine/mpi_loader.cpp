#include "mpi_loader.h"

#include <dlfcn.h>

#include <cstdlib>

#include "error.h"
#include "mpi/plugin.h"
#include "own_folder.h"

namespace apo {

namespace {

struct Plugin {
    decltype(&apo_mpi_plugin_name) name;
    decltype(&apo_mpi_plugin_open) open;
};

Plugin load() {
    // Where UCX carries MPI's bytes it would handle SIGSEGV, and so end a JVM that meets one of its own. It reads this while it is loaded.
    setenv("UCX_ERROR_SIGNALS", "", 1);
    // Processes of one machine copy by way of shared memory: reading each other's fails in containers, and aloud where one has ended.
    setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
    const std::string path = beside_engine("libmetaapo_mpi.so");
    // It stays loaded: MPI cannot be started twice.
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* why = dlerror();
        fail(APO_E_DEVICE, "no MPI: %s; build metaapo on a machine with Open MPI (Debian: openmpi-bin, libopenmpi-dev)", why == nullptr ? path.c_str() : why);
    }
    const Plugin plugin{reinterpret_cast<decltype(Plugin::name)>(dlsym(library, "apo_mpi_plugin_name")), reinterpret_cast<decltype(Plugin::open)>(dlsym(library, "apo_mpi_plugin_open"))};
    if (plugin.name == nullptr || plugin.open == nullptr) fail(APO_E_DEVICE, "no MPI: %s is of another metaapo; build both libraries together", path.c_str());
    return plugin;
}

const Plugin& plugin() {
    static const Plugin loaded = load();
    return loaded;
}

}  // namespace

std::string mpi_name() {
    char name[sizeof Transport::name];
    plugin().name(name, sizeof name);
    return name;
}

Transport open_mpi(int32_t size, bool control, size_t most_bytes) {
    if (control) {
        // Sockets and shared memory: what else MPI knows would look for the GPUs too. A user's own choice stands.
        setenv("OMPI_MCA_pml", "ob1", 0);
        setenv("OMPI_MCA_btl", "self,vader,tcp", 0);
    }
    Transport transport;
    if (const char* failed = plugin().open(kTransportAbiVersion, sizeof(Transport), most_bytes, &transport)) fail(APO_E_DEVICE, "%s", failed);
    if (transport.size != size) {
        transport.close(transport.context);
        fail(APO_E_DEVICE, "the launcher has started %d processes, and %s of this one finds %d; start it with the launcher of that MPI (srun: --mpi=pmix)", size,
             transport.name, transport.size);
    }
    return transport;
}

}  // namespace apo
