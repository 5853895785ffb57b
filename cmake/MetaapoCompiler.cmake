# Compiler settings of all native targets.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O3")

if(METAAPO_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
if(METAAPO_COVERAGE)
  add_compile_options(--coverage -g)
  add_link_options(--coverage)
endif()

# Warnings, include folders and OpenMP for an object library or executable of this project.
function(metaapo_compile target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Werror)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_SOURCE_DIR}/ops)
  target_link_libraries(${target} PRIVATE $<TARGET_NAME_IF_EXISTS:Dnnl::dnnl> OpenMP::OpenMP_CXX)
endfunction()
