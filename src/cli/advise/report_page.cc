// SPDX-License-Identifier: Apache-2.0
//
// The report as a page that holds everything it needs: no script, nothing from the network, light and dark,
// narrow and wide. What came from outside is escaped.
#include <fmt/format.h>

#include "base/html.h"
#include "cli/advise/page_plots.h"
#include "cli/advise/report.h"
#include "cli/advise/shown.h"
#include "cli/describe.h"
#include "cli/units.h"

namespace remuda::cli::advise {
namespace {

constexpr std::string_view kStyle =
    ":root{color-scheme:light dark;--exec:light-dark(#b45309,#f59e0b);--fork:light-dark(#2563eb,#60a5fa);"
    "--pool:light-dark(#0f766e,#2dd4bf);--faint:color-mix(in srgb,currentColor 15%,transparent)}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1rem;margin:2rem 0 .5rem}"
    "h2 small{font-weight:400}small,.facts{opacity:.7}.facts{margin:.25rem 0 1.5rem}"
    ".advice{border-left:4px solid var(--it);padding:.1rem 0 .1rem 1rem}.advice p{margin:.5rem 0}"
    ".advice .word{font-size:1.25rem;font-weight:700;color:var(--it)}"
    "code,pre{font:14px/1.5 ui-monospace,monospace}pre{white-space:pre-wrap;padding:.6rem "
    ".8rem;border-radius:.4rem;"
    "background:color-mix(in srgb,currentColor 8%,transparent)}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "table{font-size:.9rem}td,th{padding:.3rem .4rem;text-align:right;white-space:nowrap;border-bottom:1px "
    "solid var(--faint)}"
    "th{font-weight:600}td:first-child,th:first-child{text-align:left;position:sticky;left:0;background:"
    "Canvas}"
    "tr.chosen td{font-weight:700}"
    ".exec{--it:var(--exec)}.fork{--it:var(--fork)}.pool{--it:var(--pool)}"
    ".bars>div{display:grid;grid-template-columns:3rem 1fr 9.5rem;gap:.6rem;align-items:center;margin:.3rem "
    "0}"
    ".track{display:flex;height:1rem}.track i{background:var(--it)}.track i.pale{opacity:.35}"
    ".track i:first-child{min-width:2px}.bars "
    "span:last-child{font-variant-numeric:tabular-nums;font-size:.9rem}"
    "figure{margin:.6rem 0}figcaption{font-size:.9rem;color:var(--it);font-weight:600}"
    "svg{display:block;width:100%;font:11px system-ui,sans-serif}"
    "svg text{fill:currentColor}svg "
    "path{stroke:currentColor;stroke-opacity:.45;fill:none}.fill{fill:var(--it)}"
    "@media(max-width:40rem){.bars>div{grid-template-columns:2.6rem 1fr 6.2rem}svg{font-size:15px}}";

std::string escaped(std::string_view text) {
  std::string safe;
  base::append_html_escaped(safe, text);
  return safe;
}

std::string head_of(const Report& report) {
  return fmt::format(
      "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
      "<title>{0}: which model</title>\n<style>{1}</style>\n<h1>Which model for {0}?</h1>\n"
      "<p class=facts><code>GET {2}</code>, {3} at once, {9} requests in all; {4}. Type {5}, configured as "
      "{6}.<br>{7}, {8}</p>\n",
      escaped(report.app), kStyle, escaped(report.url), report.at_once, escaped(report.source), report.type,
      report.configured, escaped(report.machine), report.moment, report.all_requests());
}

std::string advice_of(const Report& report) {
  const std::string_view model = word_of(*report.advice.model);
  std::string text = fmt::format("<div class=\"advice {0}\">\n<p class=word>{0}</p>\n", model);
  for (const std::string& sentence : report.advice.sentences)
    text += fmt::format("<p>{}</p>\n", escaped(sentence));
  return text + fmt::format("<pre>{}</pre>\n</div>\n", escaped(report.line));
}

std::string row_of(const Figures& its, const Report& report) {
  const Answers& answers = its.answers;
  return fmt::format(
      "<tr class=\"{}\"><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}\n",
      its.model == report.advice.model ? "chosen" : "", word_of(its.model), shown_answers(answers),
      its.starts, shown_micros(its.first), shown_rate(answers.rate()),
      shown_micros(percentile(answers.latencies, 50)), shown_micros(percentile(answers.latencies, 99)),
      shown_micros(its.processor.total()), shown_micros(its.processor.server), shown_at_rest(its.memory),
      shown_memory(its.memory.at_peak), shown_memory(its.memory.each));
}

std::string table_of(const Report& report) {
  std::string text =
      "<h2>Measured</h2>\n<div "
      "class=scroll><table>\n<thead><tr><th>Model<th>Answers<th>Starts<th>First<th>Rate/s<th>p50"
      "<th>p99<th>CPU<th>Server<th>At rest<th>At peak<th>Each\n<tbody>\n";
  for (const Figures& each : report.figures) {
    if (each.works()) text += row_of(each, report);
  }
  return text +
         "</table></div>\n<p><small>First: the first answer of all, cold. CPU: processor time for a request; "
         "Server: the "
         "server's part of it. Memory is the application's, as PSS; Each: what one more request at once "
         "takes.</small></p>\n";
}

std::string bars_of(const Report& report) {
  std::string text = "<h2>Answers a second <small>more is better</small></h2>\n";
  text += bars(report.figures, [](const Figures& its) {
    return Bar{.full = its.answers.rate(), .shown = shown_rate(its.answers.rate())};
  });
  text += "<h2>Processor time for a request <small>less is better; pale: the server's part</small></h2>\n";
  text += bars(report.figures, [](const Figures& its) {
    return Bar{.full = static_cast<double>(its.processor.application.count()),
               .pale = static_cast<double>(its.processor.server.count()),
               .shown = shown_micros(its.processor.total())};
  });
  text += "<h2>Memory <small>less is better; full: at rest, pale: more at the peak</small></h2>\n";
  text += bars(report.figures, [](const Figures& its) {
    const Memory& memory = its.memory;
    return Bar{.full = static_cast<double>(memory.at_rest),
               .pale = static_cast<double>(memory.at_peak - memory.at_rest),
               .shown = shown_memory(memory.at_peak)};
  });
  return text;
}

std::string failures_of(const Report& report) {
  std::string text;
  for (const Figures& each : report.figures) {
    if (each.works()) continue;
    text += fmt::format("<h2>{} does not work</h2>\n<p>{}</p>\n", word_of(each.model), escaped(each.trouble));
    if (each.details.empty()) continue;
    text += "<pre>";
    for (const std::string& line : each.details) text += escaped(line) + "\n";
    text += "</pre>\n";
  }
  return text;
}

}  // namespace

std::string report_page(const Report& report) {
  if (!report.advice.model) return head_of(report) + failures_of(report);
  return head_of(report) + advice_of(report) + table_of(report) + bars_of(report) +
         "<h2>How long answers took <small>logarithmic</small></h2>\n" + latency_plots(report.figures) +
         failures_of(report);
}

}  // namespace remuda::cli::advise
