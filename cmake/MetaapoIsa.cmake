# metaapo_isa_library(target level sources...): an object library for one x86-64 level (v2, v3 or v4). The code lives in
# namespace apo::APO_ISA_NAMESPACE, so that the levels stand side by side in one library.
function(metaapo_isa_library target level)
  add_library(${target} OBJECT ${ARGN})
  metaapo_compile(${target})
  target_compile_definitions(${target} PRIVATE APO_ISA_NAMESPACE=${level})
  target_compile_options(${target} PRIVATE -march=x86-64-${level} -ffp-contract=fast -fno-math-errno -fno-trapping-math)
  if(level STREQUAL "v4")
    target_compile_options(${target} PRIVATE -mprefer-vector-width=512)
  endif()
endfunction()
