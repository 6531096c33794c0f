# One SQLite a process: every target that needs it links julu::sqlite and nothing else, because libsqlite3 and
# libsqlcipher export the same names and the plain one would win in silence.
find_package(PkgConfig REQUIRED)

if(NOT JULU_SQLITE STREQUAL "sqlite")
  pkg_check_modules(SQLCIPHER IMPORTED_TARGET sqlcipher)
endif()

add_library(julu_sqlite INTERFACE)
add_library(julu::sqlite ALIAS julu_sqlite)
set_target_properties(julu_sqlite PROPERTIES EXPORT_NAME sqlite)

if(SQLCIPHER_FOUND)
  # sqlcipher.pc names the parent of the header's folder on some systems, so the folder is found here.
  find_path(SQLCIPHER_HEADER_DIR sqlite3.h HINTS ${SQLCIPHER_INCLUDE_DIRS} PATH_SUFFIXES sqlcipher NO_DEFAULT_PATH)
  target_include_directories(julu_sqlite SYSTEM INTERFACE $<BUILD_INTERFACE:${SQLCIPHER_HEADER_DIR}>)
  target_link_libraries(julu_sqlite INTERFACE PkgConfig::SQLCIPHER)
  set(JULU_SQLITE_IS sqlcipher)
elseif(JULU_SQLITE STREQUAL "sqlcipher")
  message(FATAL_ERROR "JULU_SQLITE=sqlcipher, but pkg-config finds no sqlcipher")
else()
  pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
  target_link_libraries(julu_sqlite INTERFACE PkgConfig::SQLITE3)
  set(JULU_SQLITE_IS sqlite)
endif()
message(STATUS "julu: SQLite is ${JULU_SQLITE_IS}")
