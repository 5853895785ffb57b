# cmake --install: the C header, libmetaapo.so with the libraries it needs, and the CMake package metaapo::metaapo.
include(CMakePackageConfigHelpers)
set(METAAPO_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/metaapo")

install(TARGETS metaapo EXPORT metaapo-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(METAAPO_BUILD_CUDA)
  install(TARGETS metaapo_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(METAAPO_BUILD_MPI)
  install(TARGETS metaapo_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(FILES include/metaapo.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(METAAPO_ONEDNN)
  install(FILES "${DNNL_LIBRARY}" DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(METAAPO_ONEDNN AND EXISTS "${DNNL_LIBRARY_DIR}/libgomp.so.1")
  install(FILES "${DNNL_LIBRARY_DIR}/libgomp.so.1" DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT metaapo-targets NAMESPACE metaapo:: DESTINATION ${METAAPO_PACKAGE_DIR})
configure_package_config_file("${METAAPO_TOP}/cmake/metaapo-config.cmake.in" metaapo-config.cmake
                              INSTALL_DESTINATION ${METAAPO_PACKAGE_DIR})
write_basic_package_version_file(metaapo-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/metaapo-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/metaapo-config-version.cmake" DESTINATION ${METAAPO_PACKAGE_DIR})
