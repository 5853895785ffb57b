#include "error.h"
#include "family.h"

namespace apo {
namespace cuda {

namespace {

[[noreturn]] void unsupported() { fail(APO_E_UNSUPPORTED, "several ranks on GPUs are not served yet; use --device cpu, or one rank"); }

}  // namespace

void open_group(Device&, const Transport&) { unsupported(); }
void reduce_scatter(Device&, const ReduceScatter&) { unsupported(); }
void all_gather(Device&, const AllGather&) { unsupported(); }
void await_lane(Device&, const AwaitLane&) { unsupported(); }

}  // namespace cuda
}  // namespace apo
