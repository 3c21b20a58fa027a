// SPDX-License-Identifier: Apache-2.0
//
// Lines of these forms are looked for:
//
//     TIME LEVEL [worker PID] request ID: app NAME: what the application said, or how it ended
//     TIME LEVEL [worker PID] request ID from ADDRESS: GET PATH: STATUS sent: the reason
#include "cli/advise/log_reasons.h"

#include <algorithm>

namespace remuda::cli::advise {
namespace {

// What stands behind "request ID: app NAME: " in a line of the error log.
std::string_view application_said(std::string_view line) {
  const size_t request = line.find("] request ");
  const size_t app = request == std::string_view::npos ? request : line.find(": app ", request);
  const size_t colon = app == std::string_view::npos ? app : line.find(": ", app + 6);
  return colon == std::string_view::npos ? std::string_view() : line.substr(colon + 2);
}

// The number in "] request 00c0ffee00000001".
std::string_view request_in(std::string_view line) {
  constexpr std::string_view kBegin = "] request ";
  const size_t at = line.find(kBegin);
  return at == std::string_view::npos ? std::string_view() : line.substr(at + kBegin.size(), 16);
}

template <class Each>
void for_lines(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    each(line);
  }
}

}  // namespace

std::vector<std::string> said_in(const std::string& log) {
  std::vector<std::string> said;
  std::string_view request;
  for_lines(log, [&](std::string_view line) {
    const std::string_view words = application_said(line);
    if (words.empty() || (!request.empty() && request_in(line) != request)) return;
    request = request_in(line);
    said.emplace_back(words);
  });
  return said;
}

std::string reason_in(const std::string& log) {
  constexpr std::string_view kSent = " sent: ";
  std::string reason;
  for_lines(log, [&](std::string_view line) {
    const size_t at = request_in(line).empty() ? std::string_view::npos : line.find(kSent);
    if (reason.empty() && at != std::string_view::npos) reason = line.substr(at + kSent.size());
  });
  if (!reason.empty()) return reason;
  const std::vector<std::string> said = said_in(log);
  return said.empty() ? std::string() : said.back();
}

}  // namespace remuda::cli::advise
