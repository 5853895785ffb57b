#include "kernels.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "error.h"
#include "stream.h"

namespace emulation {

namespace {

constexpr size_t kDynamicAlignment = 128;  // of the array behind the static ones (platform.h)

size_t rounded_up(size_t bytes, size_t step) { return (bytes + step - 1) / step * step; }

// apo::cuda::(anonymous namespace)::kernel<float, 4> of its mangled name: nvcc's and the host's agree in this form.
std::string plain_name(const std::string& mangled) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
    std::string name = status == 0 ? text.get() : mangled;
    // The parameters begin at the last parenthesis that opens outside of template arguments; a template's return type stands first.
    int depth = 0;
    size_t end = name.size();
    for (size_t i = 0; i < name.size(); i++) {
        if (name[i] == '<') depth++;
        if (name[i] == '>') depth--;
        if (name[i] == '(' && depth == 0 && name.compare(i, 21, "(anonymous namespace)") != 0) {
            end = i;
            break;
        }
    }
    name.resize(end);
    const size_t type = name.rfind("void ", 0) == 0 ? 5 : 0;
    return name.substr(type);
}

// The symbols of a file of this process: functions by address, and shared arrays by the function that declares them.
class Symbols {
public:
    explicit Symbols(const std::string& path) {
        // At once: with sanitizers a file has 100 MB, which take 40 s one by one.
        std::ifstream file(path, std::ios::binary | std::ios::ate);
        bytes_.resize(file ? size_t(file.tellg()) : 0);
        file.seekg(0);
        file.read(bytes_.data(), std::streamsize(bytes_.size()));
        if (bytes_.size() < sizeof(Elf64_Ehdr) || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0) {
            apo::fail(APO_E_INTERNAL, "%s is no ELF file", path.c_str());
        }
        const auto* header = at<Elf64_Ehdr>(0);
        for (int i = 0; i < header->e_shnum; i++) {
            const auto* section = at<Elf64_Shdr>(header->e_shoff + size_t(i) * header->e_shentsize);
            if (section->sh_type == SHT_SYMTAB) read(*section, *at<Elf64_Shdr>(header->e_shoff + section->sh_link * header->e_shentsize));
        }
        if (functions_.empty()) apo::fail(APO_E_INTERNAL, "%s has no symbols; the emulation needs them", path.c_str());
    }

    const std::string& function_at(uintptr_t address) const {
        const auto found = functions_.find(address);
        if (found == functions_.end()) apo::fail(APO_E_INTERNAL, "a kernel at %#zx has no symbol", size_t(address));
        return found->second;
    }
    size_t shared_of(const std::string& function) const {
        const auto found = shared_.find(function);
        return found == shared_.end() ? 0 : found->second;
    }

private:
    template <class T>
    const T* at(size_t offset) const {
        return reinterpret_cast<const T*>(bytes_.data() + offset);
    }

    void read(const Elf64_Shdr& symbols, const Elf64_Shdr& names) {
        constexpr const char* kKey = "apo_key_";
        for (size_t offset = 0; offset < symbols.sh_size; offset += sizeof(Elf64_Sym)) {
            const auto* symbol = at<Elf64_Sym>(symbols.sh_offset + offset);
            const std::string name = at<char>(names.sh_offset + symbol->st_name);
            const int type = ELF64_ST_TYPE(symbol->st_info);
            if (type == STT_FUNC && symbol->st_value != 0) functions_.emplace(symbol->st_value, name);
            // _ZZ<function>E<length>apo_key_<array>
            const size_t key = name.find(kKey);
            if (type != STT_OBJECT || key == std::string::npos || name.rfind("_ZZ", 0) != 0) continue;
            const size_t end = name.find_last_not_of("0123456789", key - 1);
            shared_["_Z" + name.substr(3, end - 3)] += rounded_up(symbol->st_size, 16);
        }
    }

    std::string bytes_;
    std::map<uintptr_t, std::string> functions_;
    std::map<std::string, size_t> shared_;
};

const Symbols& symbols_of(const std::string& path) {
    static std::map<std::string, Symbols> all;
    const auto found = all.find(path);
    return found != all.end() ? found->second : all.emplace(path, path).first->second;
}

struct Report {
    std::map<std::pair<std::string, std::string>, Resources> kernels;  // by code and plain name
};

Report& report() {
    static Report one;
    return one;
}

// By compute capability: the launches of each kernel.
std::map<int, std::map<std::string, int64_t>>& launched() {
    static std::map<int, std::map<std::string, int64_t>> counts;
    return counts;
}

// On this thread's device.
std::map<const void*, size_t>& allowed_dynamic() {
    static std::map<int, std::map<const void*, size_t>> bytes;
    return bytes[current_device()];
}

size_t most_dynamic(const void* kernel) {
    const auto found = allowed_dynamic().find(kernel);
    return found != allowed_dynamic().end() ? found->second : kSharedByDefault - resources_of(kernel).static_shared;
}

cudaError_t refuse(cudaError_t status, const Launch& launch, const std::string& why) {
    const Limits& limits = machine().limits;
    char text[600];
    std::snprintf(text, sizeof text, "%d.%d: %s (%s): %s", limits.major(), limits.minor(), facts_of(launch.kernel).name.c_str(), launch.name,
                  why.c_str());
    if (std::find(refusals().begin(), refusals().end(), text) == refusals().end()) refusals().push_back(text);
    return status;
}

}  // namespace

std::vector<std::string>& refusals() {
    static std::vector<std::string> all;
    return all;
}

const KernelFacts& facts_of(const void* kernel) {
    static std::map<const void*, KernelFacts> all;
    const auto found = all.find(kernel);
    if (found != all.end()) return found->second;
    Dl_info info;
    link_map* map = nullptr;
    if (dladdr1(kernel, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) apo::fail(APO_E_INTERNAL, "%p is no kernel", kernel);
    const Symbols& symbols = symbols_of(map->l_name[0] == '\0' ? "/proc/self/exe" : map->l_name);
    const std::string& mangled = symbols.function_at(reinterpret_cast<uintptr_t>(kernel) - map->l_addr);
    return all.emplace(kernel, KernelFacts{plain_name(mangled), symbols.shared_of(mangled)}).first->second;
}

void read_resources(const std::string& path) {
    std::ifstream file(path);
    std::string line, code, mangled;
    for (Resources kernel{}; std::getline(file, line);) {
        std::istringstream fields(line);
        if (!(fields >> code >> mangled >> kernel.registers >> kernel.static_shared)) {
            apo::fail(APO_E_ARGUMENT, "%s: \"%s\" is not code, name, registers and bytes of shared memory", path.c_str(), line.c_str());
        }
        report().kernels[{code, plain_name(mangled)}] = kernel;
    }
    if (report().kernels.empty()) apo::fail(APO_E_ARGUMENT, "%s tells of no kernel", path.c_str());
}

Resources resources_of(const void* kernel) {
    const KernelFacts& facts = facts_of(kernel);
    const size_t declared = rounded_up(facts.static_shared, kDynamicAlignment);
    if (report().kernels.empty()) return {0, declared};
    const auto found = report().kernels.find({machine().limits.code, facts.name});
    if (found == report().kernels.end()) {
        apo::fail(APO_E_INTERNAL, "the compiler's report has no %s for %s", facts.name.c_str(), machine().limits.code);
    }
    if (found->second.static_shared > declared) {
        apo::fail(APO_E_INTERNAL, "%s takes %zu bytes of static shared memory for %s and declares %zu", facts.name.c_str(),
                  found->second.static_shared, machine().limits.code, declared);
    }
    return found->second;
}

cudaError_t check_launch(const Launch& launch) {
    const Limits& limits = machine().limits;
    const dim3 &grid = launch.grid, &block = launch.block;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > kMostGridX || grid.y > kMostGridYZ || grid.z > kMostGridYZ) {
        return refuse(cudaErrorInvalidConfiguration, launch,
                      "a grid of " + std::to_string(grid.x) + ", " + std::to_string(grid.y) + ", " + std::to_string(grid.z) + " blocks");
    }
    const size_t threads = size_t(block.x) * block.y * block.z;
    if (threads == 0 || threads > size_t(kMostThreads) || block.z > unsigned(kMostThreadsZ)) {
        return refuse(cudaErrorInvalidConfiguration, launch, std::to_string(threads) + " threads a block");
    }
    if (launch.argument_bytes > kMostArgumentBytes) {
        return refuse(cudaErrorInvalidValue, launch, std::to_string(launch.argument_bytes) + " bytes of arguments");
    }
    const Resources resources = resources_of(launch.kernel);
    const size_t most = most_dynamic(launch.kernel);
    if (launch.shared_bytes > most) {
        return refuse(cudaErrorInvalidValue, launch, std::to_string(launch.shared_bytes) + " bytes of dynamic shared memory with " +
                                                         std::to_string(resources.static_shared) + " static ones, where " + std::to_string(most) +
                                                         " dynamic ones are allowed");
    }
    if (launch.shared_bytes + resources.static_shared > limits.shared_block) {
        return refuse(cudaErrorInvalidValue, launch, std::to_string(launch.shared_bytes + resources.static_shared) + " bytes of shared memory of " +
                                                         std::to_string(limits.shared_block));
    }
    const size_t warps = (threads + 31) / 32, registers = warps * rounded_up(size_t(resources.registers) * 32, 256);
    if (registers > size_t(kMostRegisters)) {
        return refuse(cudaErrorLaunchOutOfResources, launch, std::to_string(threads) + " threads of " + std::to_string(resources.registers) + " registers");
    }
    launched()[limits.capability][facts_of(launch.kernel).name]++;
    return cudaSuccess;
}

LaunchCounts launch_counts(int capability) {
    LaunchCounts counts{};
    for (const auto& [kernel, times] : launched()[capability]) counts.launches += times, counts.kernels++;
    return counts;
}

std::vector<std::string> never_launched() {
    std::set<std::string> names;
    for (const auto& [kernel, resources] : report().kernels) names.insert(kernel.second);
    for (const auto& [capability, kernels] : launched()) {
        for (const auto& [name, times] : kernels) names.erase(name);
    }
    return {names.begin(), names.end()};
}

void forget_attributes() { allowed_dynamic().clear(); }

}  // namespace emulation

using namespace emulation;

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    const Resources resources = resources_of(kernel);
    *attributes = {resources.static_shared, resources.registers, int(most_dynamic(kernel))};
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute which, int value) {
    const Turn turn;
    if (fault_of_context() != cudaSuccess) return fault_of_context();
    if (which != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 ||
        size_t(value) + resources_of(kernel).static_shared > machine().limits.shared_block) {
        return cudaErrorInvalidValue;
    }
    allowed_dynamic()[kernel] = size_t(value);
    return cudaSuccess;
}
