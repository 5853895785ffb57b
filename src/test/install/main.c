#include <metaapo.h>
#include <stdio.h>

int main(void) {
    apo_error error;
    apo_engine* engine = NULL;
    apo_engine_options options = {APO_CPU, 0, 1, 0};
    apo_device_info info;
    if (apo_abi_version() != APO_ABI_VERSION) return 1;
    if (apo_engine_create(&options, &engine, &error) != APO_OK || apo_engine_info(engine, &info, &error) != APO_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("the installed engine %s runs on %s with %s\n", apo_version(), info.isa, info.gemm);
    return apo_engine_close(engine, &error) == APO_OK ? 0 : 1;
}
