// SPDX-License-Identifier: Apache-2.0
//
// What people read of a template's loading: bounded whatever it says, and true about the times.
#include "spawner/template_journey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "spawner/clock.h"
#include "spawner/protocol.h"

namespace remuda::spawner {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(TemplateJourney, StepsHaveTheirTimes) {
  TemplateJourney journey(kSecond);
  journey.step(kSecond + 2 * kMillisecond, "import django", 2 * kSecond);
  EXPECT_EQ(journey.steps(kSecond + 5 * kMillisecond), "start the loader 2.0 ms\nimport django 3.0 ms\n");
  journey.ready(kSecond + 12 * kMillisecond, 2 * kSecond);
  EXPECT_EQ(journey.steps(0), "start the loader 2.0 ms\nimport django 10.0 ms\n");
}

TEST(TemplateJourney, TimesThatCannotBeAreMendedWithoutAWord) {
  TemplateJourney journey(kSecond);
  journey.step(0, "before it began", kSecond + kMillisecond);
  journey.step(INT64_MAX, "in the future", kSecond + kMillisecond);
  journey.ready(INT64_MIN, kSecond);
  EXPECT_EQ(journey.steps(0), "start the loader 0.0 ms\nbefore it began 1.0 ms\nin the future 0.0 ms\n");
}

TEST(TemplateJourney, AFailureHasItsStepAndTheLastLines) {
  TemplateJourney journey(0);
  journey.step(0, "import site", kMillisecond);
  for (int i = 0; i < 20; ++i) journey.line("line " + std::to_string(i));
  const std::string text = journey.failure("it ended with status 1", kMillisecond);
  EXPECT_THAT(text, testing::StartsWith("it ended with status 1, in the step \"import site\"\nstart the"));
  EXPECT_THAT(text, Not(HasSubstr("line 9\n")));
  EXPECT_THAT(text, testing::EndsWith("| line 10\n| line 11\n| line 12\n| line 13\n| line 14\n| line 15\n"
                                      "| line 16\n| line 17\n| line 18\n| line 19"));
}

TEST(TemplateJourney, IsBoundedAndHasNoControlCharacters) {
  TemplateJourney journey(0);
  for (int i = 0; i < 1000; ++i) {
    journey.step(i, std::string(4000, '\n'), kSecond);
    journey.line(std::string(4000, '\x1b'));
  }
  const std::string text = journey.failure(std::string(5000, '\r'), kSecond);
  EXPECT_LE(text.size(), kMaxDetail);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  EXPECT_LE(journey.steps(kSecond).size(), 40U * 140);
}

TEST(LineCutter, CutsWhateverComes) {
  LineCutter cutter;
  std::string line;
  cutter.add("one\ntw");
  EXPECT_TRUE(cutter.take(line));
  EXPECT_EQ(line, "one");
  EXPECT_FALSE(cutter.take(line));
  cutter.add("o\n\n" + std::string(2500, 'x'));
  EXPECT_TRUE(cutter.take(line));
  EXPECT_EQ(line, "two");
  EXPECT_TRUE(cutter.take(line));
  EXPECT_EQ(line, "");
  EXPECT_TRUE(cutter.take(line));
  EXPECT_EQ(line.size(), 1000U);
  EXPECT_TRUE(cutter.take(line));
  EXPECT_FALSE(cutter.take(line));
  EXPECT_TRUE(cutter.take_rest(line));
  EXPECT_EQ(line.size(), 500U);
  EXPECT_FALSE(cutter.take_rest(line));
}

}  // namespace
}  // namespace remuda::spawner
