# Configures and builds the native engine; Maven's entry:
#   cmake -DSOURCE=src/main/cpp -DBINARY=target/native -DDNNL=target/dnnl [-DBENCHMARKS=ON] [-DCUDA=auto|on|off]
#     -P cmake/BuildNative.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the native build failed: ${ARGN}")
  endif()
endfunction()

if(NOT CUDA)
  set(CUDA auto)
endif()
run(${CMAKE_COMMAND} -S "${SOURCE}" -B "${BINARY}" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DMETAAPO_DNNL_ROOT=${DNNL}"
    "-DMETAAPO_BENCHMARKS=${BENCHMARKS}" "-DMETAAPO_CUDA=${CUDA}")
run(${CMAKE_COMMAND} --build "${BINARY}")
