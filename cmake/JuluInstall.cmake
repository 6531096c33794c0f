# The install tree: libraries, headers, the CMake package `julu` and julu.pc.
include(CMakePackageConfigHelpers)

set(JULU_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/julu)
install(EXPORT julu NAMESPACE julu:: FILE juluTargets.cmake DESTINATION ${JULU_PACKAGE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/juluConfig.cmake.in ${PROJECT_BINARY_DIR}/juluConfig.cmake
  INSTALL_DESTINATION ${JULU_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/juluConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH JULU_PREFIX_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH JULU_LIBDIR_FROM_PC ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_FULL_LIBDIR})
# Of what the static library stands on, the names alone: their .pc files would ask for all that they are linked with too.
string(REGEX REPLACE "^sqlite$" "sqlite3" JULU_SQLITE_FROM_PC ${JULU_SQLITE_IS})
configure_file(${CMAKE_CURRENT_LIST_DIR}/julu.pc.in ${PROJECT_BINARY_DIR}/julu.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/juluConfig.cmake ${PROJECT_BINARY_DIR}/juluConfigVersion.cmake
  DESTINATION ${JULU_PACKAGE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/julu.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
