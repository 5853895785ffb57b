# metaapo_tests: the native test runner. It links the objects, not the library, and so sees inner functions.
enable_testing()
set(METAAPO_TEST_DIR "${METAAPO_TOP}/src/test/cpp")

# The CUDA backend on the host: each .cu is included by a C++ file, with the emulation in place of CUDA.
set(METAAPO_EMULATED_SOURCES "")
foreach(source ${METAAPO_CUDA_SOURCES})
  get_filename_component(name "${source}" NAME_WE)
  set(wrapper "${CMAKE_CURRENT_BINARY_DIR}/emulated/${name}.cpp")
  file(CONFIGURE OUTPUT "${wrapper}" CONTENT "#include \"${source}\"\n")
  list(APPEND METAAPO_EMULATED_SOURCES "${wrapper}")
endforeach()
file(GLOB METAAPO_EMULATION_SOURCES CONFIGURE_DEPENDS "${METAAPO_TEST_DIR}/emulation/*.cpp")
add_library(metaapo_emulated_cuda OBJECT ${METAAPO_EMULATED_SOURCES} ${METAAPO_EMULATION_SOURCES})
metaapo_compile(metaapo_emulated_cuda)
target_compile_definitions(metaapo_emulated_cuda PRIVATE APO_CUDA_EMULATION)
target_include_directories(metaapo_emulated_cuda PRIVATE "${METAAPO_TEST_DIR}/emulation" "${METAAPO_CUDA_DIR}")
# The emulated backend as the library that an engine loads: whole commands run with it on cuda:0 (src/test/emulated-gpu.sh).
add_library(metaapo_emulated_gpu SHARED $<TARGET_OBJECTS:metaapo_emulated_cuda>)
set_target_properties(metaapo_emulated_gpu PROPERTIES OUTPUT_NAME metaapo_cuda LIBRARY_OUTPUT_DIRECTORY
  "${CMAKE_CURRENT_BINARY_DIR}/emulated-gpu")
if(NOT METAAPO_SANITIZE)
  target_link_options(metaapo_emulated_gpu PRIVATE -Wl,--no-undefined)
endif()

add_library(metaapo_test_formulas OBJECT "${METAAPO_TEST_DIR}/formulas.cpp")
metaapo_compile(metaapo_test_formulas)
target_compile_options(metaapo_test_formulas PRIVATE -O2 -fno-sanitize=all)

file(GLOB METAAPO_TEST_SOURCES CONFIGURE_DEPENDS "${METAAPO_TEST_DIR}/*.cpp")
list(REMOVE_ITEM METAAPO_TEST_SOURCES "${METAAPO_TEST_DIR}/formulas.cpp")
add_executable(metaapo_tests ${METAAPO_TEST_SOURCES} ${METAAPO_OBJECTS} $<TARGET_OBJECTS:metaapo_emulated_cuda>
  $<TARGET_OBJECTS:metaapo_test_formulas>)
metaapo_compile(metaapo_tests)
foreach(target metaapo_tests metaapo_emulated_cuda)
  target_compile_options(${target} PRIVATE -Wno-unknown-pragmas)  # #pragma unroll is nvcc's
endforeach()
target_compile_definitions(metaapo_tests PRIVATE METAAPO_FIXTURES="${METAAPO_TOP}/src/test/resources/fixtures"
  METAAPO_EMULATED_GPU="$<TARGET_FILE:metaapo_emulated_gpu>")
add_dependencies(metaapo_tests metaapo_emulated_gpu)
if(METAAPO_BUILD_MPI)
  add_dependencies(metaapo_tests metaapo_mpi)
endif()
target_include_directories(metaapo_tests PRIVATE "${METAAPO_TEST_DIR}" "${METAAPO_TEST_DIR}/emulation" "${METAAPO_CUDA_DIR}")
target_link_libraries(metaapo_tests PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(metaapo_tests PROPERTIES BUILD_RPATH "${DNNL_LIBRARY_DIR}")
add_test(NAME native COMMAND metaapo_tests)

