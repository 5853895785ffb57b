# Finds oneDNN 3 under METAAPO_DNNL_ROOT: target Dnnl::dnnl, DNNL_LIBRARY_DIR.
set(_dnnl_folders "")
if(METAAPO_DNNL_ROOT)
  list(APPEND _dnnl_folders "${METAAPO_DNNL_ROOT}/org/bytedeco/dnnl/linux-x86_64" "${METAAPO_DNNL_ROOT}")
endif()
find_path(DNNL_INCLUDE_DIR NAMES oneapi/dnnl/dnnl.hpp HINTS ${_dnnl_folders} PATH_SUFFIXES include)
find_file(DNNL_LIBRARY NAMES libdnnl.so.3 HINTS ${_dnnl_folders} PATHS /usr/lib /usr/local/lib
          PATH_SUFFIXES lib lib64 x86_64-linux-gnu)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Dnnl REQUIRED_VARS DNNL_LIBRARY DNNL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "set METAAPO_DNNL_ROOT to the unpacked jar org.bytedeco:dnnl:linux-x86_64")
mark_as_advanced(DNNL_INCLUDE_DIR DNNL_LIBRARY)

if(Dnnl_FOUND AND NOT TARGET Dnnl::dnnl)
  get_filename_component(DNNL_LIBRARY_DIR "${DNNL_LIBRARY}" DIRECTORY)
  add_library(Dnnl::dnnl SHARED IMPORTED)
  set_target_properties(Dnnl::dnnl PROPERTIES IMPORTED_LOCATION "${DNNL_LIBRARY}" IMPORTED_SONAME libdnnl.so.3
    INTERFACE_INCLUDE_DIRECTORIES "${DNNL_INCLUDE_DIR}")
endif()
