// SPDX-License-Identifier: Apache-2.0
//
// The three forms of a report, and what must not get through them.
#include "cli/advise/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/advise/shown.h"

namespace remuda::cli::advise {
namespace {

using testing::HasSubstr;
using testing::Not;
using enum config::AppModel;

Figures measured(config::AppModel model, int wall) {
  Figures figures{.model = model, .starts = 3, .requests = 12, .first = Micros(61'300)};
  for (int i = 0; i < 10; ++i) figures.answers.latencies.emplace_back(wall + i);
  figures.answers.took = Micros(10 * wall);
  figures.answers.statuses[200] = 10;
  figures.processor = {.server = Micros(40), .application = Micros(wall / 2)};
  figures.memory = {.at_rest = 0, .at_peak = 5 << 20, .each = 1 << 20};
  return figures;
}

Report report() {
  Report report{.app = "tools",
                .type = "cgi",
                .configured = "exec",
                .url = "http://h/<script>",
                .source = "r.toml",
                .machine = "2 x A & B",
                .moment = "now",
                .at_once = 2,
                .figures = {measured(kExec, 20'000), measured(kFork, 1000)}};
  report.advice = {kFork, {"fork is \"better\" <b>"}};
  report.line = "model = \"fork\"";
  return report;
}

TEST(ReportText, TableFirstAndTheLineAtItsEnd) {
  const std::string text = report_text(report());
  EXPECT_THAT(text, HasSubstr("MODEL  ANSWERS  STARTS   FIRST  RATE/S     P50     P99"));
  EXPECT_THAT(text,
              HasSubstr("exec   10            3  61.3ms      50  20.0ms  20.0ms  10.0ms    40us      0 B"));
  EXPECT_TRUE(text.ends_with("\nmodel = \"fork\"\n")) << text;
}

TEST(ReportText, WithoutAModelEachSaysWhy) {
  Report none = report();
  none.figures = {{.model = kExec, .trouble = "500: a\x1b[2J", .details = {"Traceback"}},
                  {.model = kFork, .trouble = "500: b", .details = {"Traceback"}}};
  EXPECT_EQ(failure_text(none), "exec: 500: a\\x1b[2J\n    Traceback\nfork: 500: b\n");
}

TEST(ReportJson, HasTheFigures) {
  const auto json = nlohmann::json::parse(report_json(report()));
  EXPECT_EQ(json["advice"], "fork");
  EXPECT_EQ(json["models"][0]["cpu_us"]["application"], 10'000);
  EXPECT_EQ(json["models"][1]["p50_us"], 1004);
  EXPECT_EQ(json["models"][1]["statuses"]["200"], 10);
}

TEST(ReportPage, EscapesWhatCameFromOutside) {
  const std::string page = report_page(report());
  EXPECT_THAT(page, Not(HasSubstr("<script>")));
  EXPECT_THAT(page, HasSubstr("http://h/&lt;script&gt;"));
  EXPECT_THAT(page, HasSubstr("2 x A &amp; B"));
  EXPECT_THAT(page, HasSubstr("fork is &quot;better&quot; &lt;b&gt;"));
}

TEST(ReportPage, HoldsEverythingThatItNeeds) {
  const std::string page = report_page(report());
  for (const char* word : {"src=", "href=", "url(", "@import", "<link", "<script"})
    EXPECT_THAT(page, Not(HasSubstr(word)));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf")));
}

TEST(Shown, ThreeDigits) {
  EXPECT_EQ(shown_micros(Micros(0)), "-");
  EXPECT_EQ(shown_micros(Micros(850)), "850us");
  EXPECT_EQ(shown_micros(Micros(1100)), "1.10ms");
  EXPECT_EQ(shown_micros(Micros(22'540)), "22.5ms");
  EXPECT_EQ(shown_micros(Micros(999'900)), "1.00s");
  EXPECT_EQ(shown_times(19.4), "19 x");
  EXPECT_EQ(shown_times(4.12), "4.1 x");
  EXPECT_EQ(shown_times(0.349), "0.35 x");
}

}  // namespace
}  // namespace remuda::cli::advise
