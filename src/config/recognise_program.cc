// SPDX-License-Identifier: Apache-2.0
//
// A FastCGI program: one whose name ends in .fcgi, in whatever language, or one that has libfcgi or
// libremuda_app in it. Of several in a directory none is taken.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/recognise.h"

namespace remuda::config {
namespace {

constexpr std::string_view kSuffix = ".fcgi";
constexpr std::string_view kElf = "\177ELF";
constexpr size_t kMostPrograms = 16;  // that are read; a directory with more is one of programs

// The libraries' names, and for what they are linked into, a variable that both ask for.
constexpr std::array<std::string_view, 4> kTraces{"libfcgi.so", "libfcgi++.so", "libremuda_app.so",
                                                  "FCGI_WEB_SERVER_ADDRS"};

std::string_view name_of(std::string_view file) { return file.substr(file.rfind('/') + 1); }

bool speaks_fastcgi(const std::string& file, const Machine& machine) {
  return std::ranges::any_of(kTraces, [&](std::string_view trace) { return machine.holds(file, trace); });
}

Recognised fastcgi(const std::string& file) {
  return {.type = AppType::kFastcgi,
          .what = fmt::format("a FastCGI program ({})", name_of(file)),
          .program = file};
}

bool is_compiled(const std::string& file, const Machine& machine) {
  return machine.program(file, std::nullopt) == Access::kGood && machine.text(file).starts_with(kElf);
}

std::optional<Recognised> one_of(const std::vector<std::string>& files) {
  if (files.empty()) return std::nullopt;
  Recognised found = fastcgi(files[0]);
  if (files.size() > 1) found.several = files;
  return found;
}

}  // namespace

std::optional<Recognised> recognise_program(const std::string& file, const Machine& machine) {
  if (file.ends_with(kSuffix)) return fastcgi(file);
  if (is_compiled(file, machine) && speaks_fastcgi(file, machine)) return fastcgi(file);
  return std::nullopt;
}

std::optional<Recognised> recognise_programs(const std::string& directory, const Machine& machine) {
  std::vector<std::string> named;
  std::vector<std::string> compiled;
  for (const std::string& name : machine.names(directory)) {
    std::string file = beside(directory, name);
    if (machine.file(file, std::nullopt) != Access::kGood) continue;
    if (name.ends_with(kSuffix)) {
      named.push_back(std::move(file));
    } else if (compiled.size() <= kMostPrograms && is_compiled(file, machine)) {
      compiled.push_back(std::move(file));
    }
  }
  if (!named.empty()) return one_of(named);
  if (compiled.size() > kMostPrograms) return std::nullopt;
  std::erase_if(compiled, [&](const std::string& file) { return !speaks_fastcgi(file, machine); });
  return one_of(compiled);
}

}  // namespace remuda::config
