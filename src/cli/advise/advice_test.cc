// SPDX-License-Identifier: Apache-2.0
//
// Measured cases, and what is advised.
#include "cli/advise/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/fake_file.h"

namespace remuda::cli::advise {
namespace {

using config::AppModel;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using enum config::AppModel;

// 100 answers of one client: `cpu` and `wall` microseconds each.
Figures measured(AppModel model, int cpu, int wall) {
  Figures figures{.model = model};
  figures.answers.latencies.assign(100, Micros(wall));
  figures.answers.took = Micros(100 * wall);
  figures.answers.content = {.is_constant = true, .size = 10, .digest = 1};
  figures.processor.application = Micros(cpu);
  figures.memory = {.at_rest = 1 << 20, .at_peak = 2 << 20, .each = 1 << 19};
  return figures;
}

Figures failing(AppModel model, uint32_t failed) {
  Figures figures = measured(model, 100, 100);
  figures.answers.failed = failed;
  figures.answers.latencies.resize(100 - failed);
  figures.answers.first_failure = "502 Bad Gateway";
  return figures;
}

Figures broken(AppModel model) { return {.model = model, .trouble = "the server did not start: no"}; }

Figures with_content(Figures figures, Content content) {
  figures.answers.content = content;
  return figures;
}

struct Case {
  const char* name;
  std::vector<Figures> figures;
  std::optional<AppModel> advised;
  const char* sentence = "";  // a part of one of them
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"the cheapest",
       {measured(kExec, 20'000, 22'000), measured(kFork, 1000, 1100)},
       kFork,
       "fork answers 20 x as many requests a second as exec, with 1.00ms of processor time for each instead "
       "of 20.0ms."},
      {"hardly cheaper is not worth it",
       {measured(kExec, 1000, 1000), measured(kFork, 900, 900)},
       kExec,
       "exec answers 0.90 x as many requests a second as fork"},
      {"three",
       {measured(kExec, 20'000, 22'000), measured(kFork, 1000, 1100), measured(kPool, 50, 60)},
       kPool,
       "pool answers 18 x as many requests a second as fork and 367 x as many as exec"},
      {"the middle",
       {measured(kExec, 20'000, 22'000), measured(kFork, 60, 60), measured(kPool, 50, 60)},
       kFork,
       "as many requests a second as exec and 1.0 x as many as pool"},
      {"a dear fork", {measured(kExec, 1000, 1000), measured(kFork, 2000, 2000)}, kExec, "2.0 x as many"},
      {"no processor time seen: by the clock",
       {measured(kExec, 0, 5000), measured(kFork, 0, 100)},
       kFork,
       "50 x"},
      {"who fails is out",
       {measured(kExec, 20'000, 20'000), failing(kFork, 3)},
       kExec,
       "fork failed 3 of 100 requests, the first with 502 Bad Gateway."},
      {"who does not start is out",
       {measured(kExec, 20'000, 20'000), broken(kFork)},
       kExec,
       "fork does not work: the server did not start: no."},
      {"who answers otherwise is out",
       {measured(kExec, 20'000, 20'000),
        with_content(measured(kFork, 100, 100), {.is_constant = true, .size = 12, .digest = 2})},
       kExec,
       "fork answers otherwise: 12 B where exec sends 10 B"},
      {"answers that always change cannot be compared",
       {with_content(measured(kExec, 20'000, 20'000), {.is_constant = false, .size = 10, .digest = 1}),
        with_content(measured(kFork, 100, 100), {.is_constant = false, .size = 12, .digest = 2})},
       kFork,
       "fork answers"},
      {"answers that change in a pool alone",
       {measured(kFork, 2000, 2000),
        with_content(measured(kPool, 100, 100), {.is_constant = false, .size = 10, .digest = 2})},
       kPool,
       "those of fork do not"},
      {"all fail at times",
       {failing(kExec, 9), failing(kFork, 3)},
       kFork,
       "No model answered every request; fork failed least: 3, 502 Bad Gateway."},
      {"only one",
       {measured(kPool, 100, 100)},
       kPool,
       "pool holds 1.0 MiB while nobody asks and 2.0 MiB at most."},
      {"only one, which is said", {measured(kPool, 100, 100)}, kPool, "pool is the only model"},
      {"none works", {broken(kExec), broken(kFork)}, std::nullopt},
      {"none", {}, std::nullopt},
  };
  return all;
}

TEST(Advice, IsChosenByWhatWasMeasured) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.name);
    const Advice advice = advise(each.figures, kExec);
    EXPECT_EQ(advice.model, each.advised);
    if (*each.sentence != '\0') EXPECT_THAT(advice.sentences, Contains(HasSubstr(each.sentence)));
    if (!each.advised) EXPECT_THAT(advice.sentences, IsEmpty());
  }
}

TEST(Advice, TakesTheConfiguredModelForTheRightAnswer) {
  const std::vector<Figures> figures{
      measured(kExec, 20'000, 20'000),
      with_content(measured(kFork, 1000, 1000), {.is_constant = true, .size = 12, .digest = 2})};
  EXPECT_EQ(advise(figures, kExec).model, kExec);
  EXPECT_EQ(advise(figures, kFork).model, kFork);
}

TEST(Advice, RemarksAreSaid) {
  std::vector<Figures> figures{measured(kExec, 1000, 1000)};
  figures[0].remarks = {"10 s were over after 40 requests"};
  EXPECT_THAT(advise(figures, kExec).sentences, Contains("exec: 10 s were over after 40 requests."));
}

constexpr std::string_view kFile =
    "[[route]]\npath = \"/a/\"\napp = \"one\"\n[[route]]\npath = \"/b/\"\napp = \"two\"\n"
    "[app.one]\nprogram = \"/site/hello\"\nmodel = \"exec\"\n[app.two]\nprogram = \"/site/hello\"\n";

TEST(ConfigurationLine, SaysWhereItStandsOrGoes) {
  const config::Config config = config::good(kFile);
  EXPECT_EQ(configuration_line(config, config.apps[0], kFork),
            "model = \"fork\"  # in [app.one], r.toml:9, instead of \"exec\"");
  EXPECT_EQ(configuration_line(config, config.apps[0], kExec),
            "model = \"exec\"  # in [app.one], r.toml:9: already so");
  EXPECT_EQ(configuration_line(config, config.apps[1], kFork), "model = \"fork\"  # in [app.two], r.toml:10");
}

TEST(ConfigurationLine, OfADirectorySaysHowToGetAFile) {
  config::Config config = config::good(kFile);
  config.file.clear();
  config.identity = "/srv/shop";
  EXPECT_THAT(configuration_line(config, config.apps[1], kFork),
              HasSubstr("the file that remuda serve /srv/shop --print-config writes"));
}

}  // namespace
}  // namespace remuda::cli::advise
