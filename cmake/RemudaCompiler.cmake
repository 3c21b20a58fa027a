# SPDX-License-Identifier: Apache-2.0
# How everything is compiled: the language, the warnings (all of them errors), sanitizers, hardening, ccache, lld.

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Remuda is built with clang 19 or later; found ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Run ./dev setup to install it, then configure with a preset: cmake --preset dev")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 17)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_COLOR_DIAGNOSTICS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Two checkouts share what ccache keeps: it sees paths from the build folder on, and but for tests that are told where the
# tree is (REMUDA_SOURCE_DIR) no object names its checkout.
find_program(REMUDA_CCACHE ccache)
if(REMUDA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${REMUDA_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()

cmake_path(RELATIVE_PATH CMAKE_SOURCE_DIR BASE_DIRECTORY ${CMAKE_BINARY_DIR} OUTPUT_VARIABLE path_to_root)

# Sign conversion is left out: it would bury the conversions that lose bits under those that never do.
# Deprecated declarations: libstdc++ 12 uses in its own stable_sort what it deprecates.
# Designated initialisers name what differs from the default, so missing ones are meant.
add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  -Wno-deprecated-declarations -Wno-missing-designated-field-initializers -Werror
  -fno-omit-frame-pointer
  # Log lines, CHECKs and debug information name files from the root of the tree, on whatever machine it was built, and
  # whether the compiler was given the whole path or, by ccache, the one from the build folder on. The build folder, which
  # debug information says the compiler ran in, is "."; it lies within the tree, and of two that match the last counts.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${path_to_root}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}=.)
add_compile_definitions(REMUDA_VERSION="${PROJECT_VERSION}" _GNU_SOURCE)
add_link_options(-fuse-ld=lld)

if(REMUDA_SANITIZE)
  add_compile_options(-fsanitize=${REMUDA_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${REMUDA_SANITIZE})
endif()
if(REMUDA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(REMUDA_HARDEN)
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES C CXX)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON) # thin LTO with clang
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|i.86")
    add_compile_options(-fcf-protection=full)
  endif()
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack)
endif()
