// SPDX-License-Identifier: Apache-2.0
//
// The name of the run directory, worked out alike by the server and by the commands that talk to it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "config/config.h"

namespace remuda::config {
namespace {

std::string base_of(const Server& server) {
  if (!server.run_directory.empty()) return server.run_directory.text;
  if (::geteuid() == 0) return "/run/remuda";
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') return fmt::format("{}/remuda", runtime);
  return fmt::format("/tmp/remuda-{}", ::geteuid());
}

// FNV-1a: it need not resist anybody, because the directory's owner is checked where it is used.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

std::string run_directory(const Config& config) {
  constexpr unsigned kBitsShown = 48;  // twelve digits
  return fmt::format("{}/{:012x}", base_of(config.server), hash_of(config.identity) >> (64 - kBitsShown));
}

}  // namespace remuda::config
