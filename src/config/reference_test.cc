// SPDX-License-Identifier: Apache-2.0
//
// Tests of the documents: every option stands in each of them, what is shown reads back, nothing unavailable
// is offered.
#include "config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "config/fake_machine.h"
#include "config/option.h"
#include "config/read.h"

namespace remuda::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Options, HaveUniqueNamesTextAndDefaultsInRange) {
  for (const Table& table : tables()) {
    for (const Option& option : table.options) {
      SCOPED_TRACE(option.name);
      EXPECT_EQ(find_option(table, option.name), &option);
      EXPECT_TRUE(option.text.ends_with(".")) << option.text;
      EXPECT_EQ(option.type == Type::kWord, !option.words.empty());
      EXPECT_TRUE(option.only_with.empty() || find_option(table, option.only_with));
      if (option.type == Type::kInteger && option.allowed.empty()) {
        const uint32_t value = value_of<uint32_t>(option, table.defaults());
        const bool is_word = !option.word.empty() && value == option.word_for;
        EXPECT_TRUE(is_word || (value >= option.minimum && value <= option.maximum)) << value;
        EXPECT_LE(option.maximum, UINT32_MAX);
      }
      if (option.type == Type::kDuration) {
        EXPECT_GE(static_cast<uint64_t>(value_of<Duration>(option, table.defaults()).count()),
                  option.minimum);
        EXPECT_LE(static_cast<uint64_t>(value_of<Duration>(option, table.defaults()).count()),
                  option.maximum);
      }
      if (option.type == Type::kSize)
        EXPECT_LE(value_of<Bytes>(option, table.defaults()).count, option.maximum);
    }
  }
}

TEST(Markdown, HasEveryOption) {
  const std::string text = reference_markdown();
  for (const Table& table : tables()) {
    for (const Option& option : table.options)
      EXPECT_THAT(text, HasSubstr("| `" + std::string(option.name) + "` |"));
  }
  EXPECT_THAT(
      text,
      HasSubstr(
          "| `head` | duration | `\"15s\"` | 10ms to 1d | From the first byte of a request to the end of "
          "its head; then 408. |"));
  EXPECT_THAT(text, HasSubstr("| `threads` | integer, threads | `0` | 0 to 1024; 0: one per core |"));
  EXPECT_THAT(text, HasSubstr("| `type` | word | `\"cgi\"` | \"cgi\", \"fastcgi\", \"scgi\", \"wsgi\", "
                              "\"rack\", \"psgi\", \"php\", \"http\" |"));
  EXPECT_THAT(text, HasSubstr("| `multiplex` | word | `\"auto\"` | auto, true, false |"));
  EXPECT_THAT(
      text,
      HasSubstr("| `instances.max` | integer, instances | `\"auto\"` | 0 to 100000, \"auto\"; 0: auto |"));
  EXPECT_THAT(text, HasSubstr("ended, down to min. Model pool. |"));
  EXPECT_THAT(text, HasSubstr("\n## `[[route]]`\n"));
}

TEST(Markdown, StandsInTheDocuments) {
  std::ifstream file(REMUDA_SOURCE_DIR "/docs/reference.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == reference_markdown())
      << "write it anew: remuda config reference > docs/reference.md";
}

TEST(Schema, IsJsonWithEveryOption) {
  const auto schema = nlohmann::json::parse(reference_json_schema(), nullptr, false);
  ASSERT_FALSE(schema.is_discarded());
  EXPECT_EQ(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  for (const Table& table : tables()) {
    const auto& of_table = schema["properties"][std::string(table.name)];
    const auto& record = table.shape == Table::Shape::kOnce    ? of_table
                         : table.shape == Table::Shape::kNamed ? of_table["additionalProperties"]
                                                               : of_table["items"];
    for (const Option& option : table.options) {
      const std::string name(option.name);
      const size_t point = name.find('.');
      const auto& home = point == std::string::npos ? record : record["properties"][name.substr(0, point)];
      EXPECT_TRUE(home["properties"].contains(name.substr(point == std::string::npos ? 0 : point + 1)))
          << name;
    }
  }
  const auto& app = schema["properties"]["app"]["additionalProperties"];
  EXPECT_EQ(app["properties"]["type"]["enum"],
            nlohmann::json::array({"cgi", "fastcgi", "scgi", "wsgi", "rack", "psgi", "php", "http"}));
  EXPECT_EQ(app["properties"]["multiplex"]["enum"], nlohmann::json::array({"auto", true, false}));
  EXPECT_EQ(app["properties"]["instances"]["properties"]["max"]["default"], "auto");
  EXPECT_EQ(schema["properties"]["limits"]["properties"]["body"]["default"], "1GiB");
  EXPECT_EQ(schema["properties"]["workers"]["properties"]["processes"]["minimum"], 1);
}

constexpr std::string_view kFile = R"([limits]
body = "2MiB"
[log]
level = "debug"
[app.git]
program = "hello"
environment = { "A.B" = "x\"y" }
[[route]]
path = "/git/"
method = "GET"
app = "git"
[[route]]
files = "public"
listing = "html"
)";

TEST(Show, SaysValuesAndOrigins) {
  const auto config = read_text(kFile, "r.toml", "/site", FakeMachine{});
  ASSERT_TRUE(config);
  const std::string text = show(*config);
  EXPECT_THAT(text, testing::ContainsRegex("\nbody = \"2MiB\" +# r.toml:2\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nidle = \"75s\" +# default\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nbody = \"2MiB\" +# limits.body\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\n# user +# whoever starts the server\n"));
  EXPECT_THAT(text, Not(HasSubstr("\nrespond")));
}

TEST(Show, ReadsBackTheSame) {
  const auto config = read_text(kFile, "r.toml", "/site", FakeMachine{});
  ASSERT_TRUE(config);
  const auto again = read_text(show(*config), "r.toml", "/elsewhere", FakeMachine{});
  ASSERT_TRUE(again) << to_string(again.error()[0]) << show(*config);
  EXPECT_EQ(again->limits.body, config->limits.body);
  EXPECT_EQ(again->apps[0].environment, config->apps[0].environment);
  EXPECT_EQ(again->routes[1].files.root, config->routes[1].files.root);
  EXPECT_EQ(again->routes[1].files.listing, Listing::kHtml);
}

}  // namespace
}  // namespace remuda::config
