# model_bench: the three hot jobs through the C API.
add_executable(model_bench "${METAAPO_TOP}/benchmarks/native/model_bench.cpp")
metaapo_compile(model_bench)
target_link_libraries(model_bench PRIVATE metaapo)
set_target_properties(model_bench PROPERTIES BUILD_RPATH "$ORIGIN;${DNNL_LIBRARY_DIR}")
