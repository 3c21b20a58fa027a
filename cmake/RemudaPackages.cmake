# SPDX-License-Identifier: Apache-2.0
# The libraries that Remuda stands on, all of them the distribution's own packages (packages.txt names them).

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
# toml++ is used from its headers alone, by one file: the library of the package is built with exceptions.
pkg_check_modules(tomlplusplus REQUIRED tomlplusplus)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(libseccomp REQUIRED IMPORTED_TARGET libseccomp)
if(REMUDA_TESTS)
  find_package(GTest REQUIRED)
endif()
