# model_bench: the hot jobs through the C API. head_memory: what the log-prob head adds to memory. op_bench: every op; it
# stands on the tests' backends, and so is built where they are. The last two link the objects, for they call ops alone.
set(METAAPO_BENCHMARK_DIR "${METAAPO_TOP}/benchmarks/native")
add_executable(model_bench "${METAAPO_BENCHMARK_DIR}/model_bench.cpp")
target_link_libraries(model_bench PRIVATE metaapo)
if(METAAPO_BUILD_MPI)
  add_dependencies(model_bench metaapo_mpi)  # which the engine opens, for weak_scaling.py
endif()
add_executable(head_memory "${METAAPO_BENCHMARK_DIR}/head_memory.cpp" ${METAAPO_OBJECTS})
target_link_libraries(head_memory PRIVATE ${CMAKE_DL_LIBS})
set(METAAPO_BENCHMARK_PROGRAMS model_bench head_memory)
if(METAAPO_TESTS)
  file(GLOB METAAPO_OP_BENCH_SOURCES CONFIGURE_DEPENDS "${METAAPO_BENCHMARK_DIR}/ops/*.cpp")
  add_executable(op_bench "${METAAPO_BENCHMARK_DIR}/op_bench.cpp" ${METAAPO_OP_BENCH_SOURCES} "${METAAPO_TEST_DIR}/backends.cpp"
    ${METAAPO_OBJECTS} $<TARGET_OBJECTS:metaapo_emulated_cuda>)
  target_include_directories(op_bench PRIVATE "${METAAPO_BENCHMARK_DIR}" "${METAAPO_TEST_DIR}" "${METAAPO_CUDA_DIR}")
  target_link_libraries(op_bench PRIVATE ${CMAKE_DL_LIBS})
  list(APPEND METAAPO_BENCHMARK_PROGRAMS op_bench)
  if(METAAPO_BUILD_CUDA)  # gemm_best: the op table's products beside the best of cuBLASLt's algorithms
    add_executable(gemm_best "${METAAPO_BENCHMARK_DIR}/gemm_best.cu" "${METAAPO_BENCHMARK_DIR}/ops/bench.cpp" "${METAAPO_CUDA_DIR}/cublaslt_library.cu"
      ${METAAPO_OBJECTS})
    target_include_directories(gemm_best PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/ops "${METAAPO_CUDA_DIR}"
      "${METAAPO_BENCHMARK_DIR}" "${METAAPO_TEST_DIR}")
    target_link_libraries(gemm_best PRIVATE $<TARGET_NAME_IF_EXISTS:Dnnl::dnnl> OpenMP::OpenMP_CXX ${CMAKE_DL_LIBS})
    set_target_properties(gemm_best PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON BUILD_RPATH "$ORIGIN;${DNNL_LIBRARY_DIR}")
  endif()
endif()
foreach(program ${METAAPO_BENCHMARK_PROGRAMS})
  metaapo_compile(${program})
  set_target_properties(${program} PROPERTIES BUILD_RPATH "$ORIGIN;${DNNL_LIBRARY_DIR}")
endforeach()
