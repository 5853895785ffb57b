# model_bench: the three hot jobs through the C API. head_memory: what the log-prob head adds to memory; it links the
# objects, for it calls an op alone.
add_executable(model_bench "${METAAPO_TOP}/benchmarks/native/model_bench.cpp")
target_link_libraries(model_bench PRIVATE metaapo)
add_executable(head_memory "${METAAPO_TOP}/benchmarks/native/head_memory.cpp" ${METAAPO_OBJECTS})
target_link_libraries(head_memory PRIVATE ${CMAKE_DL_LIBS})
foreach(program model_bench head_memory)
  metaapo_compile(${program})
  set_target_properties(${program} PROPERTIES BUILD_RPATH "$ORIGIN;${DNNL_LIBRARY_DIR}")
endforeach()
