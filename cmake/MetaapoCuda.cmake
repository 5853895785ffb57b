# libmetaapo_cuda.so, the CUDA backend, which the engine loads at run time. METAAPO_CUDA=auto builds it where nvcc and an
# NVIDIA driver are found, for compiling it takes minutes; `on` needs nvcc alone, as the tests do.
#
# Code for 8.x by sm_80, for Hopper by sm_90a, for 10.x by sm_100, and PTX of compute_100 for what comes later. The CUDA
# runtime is linked in, so that the library loads on a machine without a toolkit.
set(METAAPO_CUDA auto CACHE STRING "Build the CUDA backend: auto, on or off")
set_property(CACHE METAAPO_CUDA PROPERTY STRINGS auto on off)
set(METAAPO_CUDA_TARGETS "80-real;90a-real;100" CACHE STRING "Targets of the CUDA backend, as CMAKE_CUDA_ARCHITECTURES")
set(METAAPO_CUDA_DIR "${METAAPO_TOP}/src/main/cuda")
file(GLOB METAAPO_CUDA_SOURCES CONFIGURE_DEPENDS "${METAAPO_CUDA_DIR}/*.cu")

if(NOT METAAPO_CUDA MATCHES "^(auto|on|off)$")
  message(FATAL_ERROR "METAAPO_CUDA is \"${METAAPO_CUDA}\"; expected auto, on or off")
endif()
set(METAAPO_BUILD_CUDA OFF)
if(NOT METAAPO_CUDA STREQUAL "off")
  find_program(METAAPO_NVCC nvcc HINTS /usr/local/cuda/bin)
  find_library(METAAPO_CUDA_DRIVER NAMES libcuda.so.1 PATHS /usr/lib/wsl/lib)
  if(METAAPO_CUDA STREQUAL "on")
    if(NOT METAAPO_NVCC)
      message(FATAL_ERROR "METAAPO_CUDA is on and nvcc is not found; install the CUDA toolkit (12.8 or later), or set METAAPO_NVCC")
    endif()
    set(METAAPO_BUILD_CUDA ON)
  elseif(METAAPO_NVCC AND METAAPO_CUDA_DRIVER)
    set(METAAPO_BUILD_CUDA ON)
  endif()
endif()
message(STATUS "CUDA backend: ${METAAPO_BUILD_CUDA}")

if(METAAPO_BUILD_CUDA)
  set(CMAKE_CUDA_COMPILER "${METAAPO_NVCC}")
  set(CMAKE_CUDA_ARCHITECTURES "${METAAPO_CUDA_TARGETS}")
  set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
  enable_language(CUDA)
  set(CMAKE_CUDA_FLAGS_RELEASE "-O3")
  add_library(metaapo_cuda SHARED ${METAAPO_CUDA_SOURCES})
  target_include_directories(metaapo_cuda PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/ops "${METAAPO_CUDA_DIR}")
  target_compile_options(metaapo_cuda PRIVATE -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Werror --expt-relaxed-constexpr
    --expt-extended-lambda ${METAAPO_CUDA_OPTIONS})
  set_target_properties(metaapo_cuda PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_VISIBILITY_PRESET hidden
    BUILD_RPATH "$ORIGIN" INSTALL_RPATH "$ORIGIN")
  target_link_libraries(metaapo_cuda PRIVATE ${CMAKE_DL_LIBS})
  target_link_options(metaapo_cuda PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL)
endif()
