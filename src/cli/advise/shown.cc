// SPDX-License-Identifier: Apache-2.0
//
// Rounding to three digits or so.
#include "cli/advise/shown.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <fstream>

#include "cli/units.h"

namespace remuda::cli::advise {
namespace {

// Three digits.
std::string rounded(double number) {
  return number < 9.995   ? fmt::format("{:.2f}", number)
         : number < 99.95 ? fmt::format("{:.1f}", number)
                          : fmt::format("{:.0f}", number);
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  }
  return "processor";
}

}  // namespace

std::string shown_micros(Micros duration) {
  const auto count = static_cast<double>(duration.count());
  if (count <= 0) return "-";
  if (count < 999.5) return fmt::format("{:.0f}us", count);
  return count < 999'500 ? rounded(count / 1000) + "ms" : rounded(count / 1'000'000) + "s";
}

std::string shown_times(double times) {
  return times < 0.995  ? fmt::format("{:.2f} x", times)
         : times < 9.95 ? fmt::format("{:.1f} x", times)
                        : fmt::format("{:.0f} x", times);
}

std::string shown_answers(const Answers& answers) {
  std::string text = std::to_string(answers.answered());
  if (answers.failed > 0) text += fmt::format(", {} failed", answers.failed);
  if (answers.unfinished > 0)
    text += fmt::format(" of {}", answers.answered() + answers.failed + answers.unfinished);
  return text;
}

std::string shown_at_rest(const Memory& memory) {
  return memory.at_peak == 0 ? shown_memory(0) : shown_size(memory.at_rest);
}

std::string this_machine() {
  utsname name{};
  ::uname(&name);
  return fmt::format("{} x {}, {} {}", ::sysconf(_SC_NPROCESSORS_ONLN), processor_name(), name.sysname,
                     name.release);
}

std::string this_moment() { return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))); }

}  // namespace remuda::cli::advise
