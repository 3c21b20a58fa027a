# SPDX-License-Identifier: Apache-2.0
# remuda_floor(<folder> [PARTS <subfolder>...] [DEPENDS <floor>...] [LIBRARIES <target>...])
#
# Makes one floor out of src/<folder>:
#   *.cc         -> static library remuda_<name> (interface library while the folder has only headers)
#   *_test.cc    -> <name>_test, run by CTest under that name with the label "unit"
#   *_fuzz.cc    -> one libFuzzer executable each, only with REMUDA_FUZZ
#   main.cc      -> belongs to remuda_program()
# <name> is the folder with "/" as "_". PARTS are folders inside it that are compiled as part of the same floor.
# DEPENDS are floors below (loop, http/h1); LIBRARIES are imported targets. Both reach whoever links to the floor.
function(remuda_floor folder)
  cmake_parse_arguments(PARSE_ARGV 1 floor "" "" "PARTS;DEPENDS;LIBRARIES")
  string(REPLACE "/" "_" name ${folder})
  set(library remuda_${name})

  set(patterns ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
  foreach(part ${floor_PARTS})
    list(APPEND patterns ${CMAKE_SOURCE_DIR}/src/${folder}/${part}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test\\.cc|_fuzz\\.cc|/main\\.cc)$")

  if(sources)
    add_library(${library} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${library} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${library} ${scope} ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${library} ${scope} ${floor_LIBRARIES})
  foreach(below ${floor_DEPENDS})
    string(REPLACE "/" "_" below ${below})
    target_link_libraries(${library} ${scope} remuda_${below})
  endforeach()

  if(REMUDA_TESTS AND tests)
    remuda_test(${name}_test SOURCES ${tests} LIBRARIES ${library})
  endif()
  if(REMUDA_FUZZ)
    foreach(fuzzer ${fuzzers})
      cmake_path(GET fuzzer STEM target)
      add_executable(${target} ${fuzzer})
      target_link_libraries(${target} PRIVATE ${library})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()

# remuda_test(<name> SOURCES <file>... [LIBRARIES <target>...]): a GoogleTest executable that CTest runs.
# Tests that read files of the tree (a corpus, a sample) find its root in REMUDA_SOURCE_DIR.
function(remuda_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${test_SOURCES})
  target_link_libraries(${name} PRIVATE ${test_LIBRARIES} GTest::gtest_main GTest::gmock)
  target_compile_definitions(${name} PRIVATE REMUDA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

# remuda_program(<name> <main.cc> LIBRARIES <target>...): an executable at the top of the build directory.
function(remuda_program name main)
  cmake_parse_arguments(PARSE_ARGV 2 program "" "" "LIBRARIES")
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${main})
    return()
  endif()
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE ${program_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
