# julu_embed(<target> <namespace> FILES a.json b.sql …)
# Compiles files of schema/ into the target: data is a file in the repository and a constant in the library.
# Generates <namespace>.h with `std::span<const File> files()`, each a path below schema/ and its text.
function(julu_embed target namespace)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${namespace})
  set(inputs)
  foreach(file IN LISTS ARG_FILES)
    list(APPEND inputs ${PROJECT_SOURCE_DIR}/schema/${file})
  endforeach()
  list(JOIN ARG_FILES "|" joined)
  add_custom_command(
    OUTPUT ${out}.cpp ${out}.h
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DNAMESPACE=${namespace} -DROOT=${PROJECT_SOURCE_DIR}/schema
            "-DFILES=${joined}" -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${out}.cpp ${out}.h)
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/embedded)
endfunction()
