// SPDX-License-Identifier: Apache-2.0
//
// The table first, then what follows from it, and at the end the line to write.
#include <fmt/format.h>

#include "base/log.h"
#include "cli/advise/report.h"
#include "cli/advise/shown.h"
#include "cli/describe.h"
#include "cli/table.h"
#include "cli/units.h"
#include "cli/wrapped.h"

namespace remuda::cli::advise {
namespace {

constexpr auto kRight = Table::Align::kRight;
constexpr size_t kWidth = 100;

std::string table_text(const Report& report) {
  Table table({{"MODEL"},
               {"ANSWERS"},
               {"STARTS", kRight},
               {"FIRST", kRight},
               {"RATE/S", kRight},
               {"P50", kRight},
               {"P99", kRight},
               {"CPU", kRight},
               {"SERVER", kRight},
               {"AT REST", kRight},
               {"AT PEAK", kRight},
               {"EACH", kRight}});
  for (const Figures& its : report.figures) {
    if (!its.works()) continue;
    const Answers& answers = its.answers;
    table.row({std::string(word_of(its.model)), shown_answers(answers), std::to_string(its.starts),
               shown_micros(its.first), shown_rate(answers.rate()),
               shown_micros(percentile(answers.latencies, 50)),
               shown_micros(percentile(answers.latencies, 99)), shown_micros(its.processor.total()),
               shown_micros(its.processor.server), shown_at_rest(its.memory),
               shown_memory(its.memory.at_peak), shown_memory(its.memory.each)});
  }
  return table.text();
}

std::string trouble_text(const Figures& figures) {
  const std::string_view model = word_of(figures.model);
  return wrapped(fmt::format("{}: {}", model, base::escaped(figures.trouble)), kWidth, 2) + "\n";
}

std::string details_text(const Figures& figures) {
  std::string text;
  for (const std::string& line : figures.details) text += fmt::format("    {}\n", base::escaped(line));
  return text;
}

}  // namespace

uint32_t Report::all_requests() const {
  uint32_t sum = 0;
  for (const Figures& each : figures) sum += each.requests;
  return sum;
}

std::string failure_text(const Report& report) {
  std::string text;
  const Figures* last = nullptr;
  for (const Figures& each : report.figures) {
    text += trouble_text(each);
    if (last == nullptr || last->details != each.details) text += details_text(each);
    last = &each;
  }
  return text;
}

std::string report_text(const Report& report) {
  std::string text = fmt::format("GET {} of application {} ({}), {} at once, {} requests in all\n{}, {}\n\n",
                                 base::escaped(report.url), report.app, report.type, report.at_once,
                                 report.all_requests(), report.machine, report.moment);
  text += table_text(report);
  text +=
      "\nFIRST: the first answer of all, cold. CPU: processor time for a request, SERVER the server's part "
      "of it.\n"
      "Memory is the application's, as PSS; EACH: what one more request at once takes.\n\n";
  for (const std::string& sentence : report.advice.sentences)
    text += wrapped(base::escaped(sentence), kWidth) + "\n";
  return text + fmt::format("\n{}\n", report.line);
}

}  // namespace remuda::cli::advise
